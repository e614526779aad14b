//! Queues in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use grc_kernel::{OrgId, Repo, StoreError, StoreResult, Uuid, journal::Entry, resource::InMemory};
use time::OffsetDateTime;

use crate::{
    Delivery, WebhookId,
    delivery::Status,
    ports::{Place, Queues, Seen, Turn},
};

#[derive(Clone, Debug)]
struct Queue {
    place: Place,
    active: bool,
    next_at: Option<OffsetDateTime>,
    rest_until: Option<OffsetDateTime>,
    lease_until: Option<OffsetDateTime>,
    served_at: Option<OffsetDateTime>,
    fence: i64,
}

type All = BTreeMap<(OrgId, Uuid), Queue>;

fn with<T: InMemory, A>(tx: &mut T, org: OrgId, webhook: WebhookId, work: impl FnOnce(&mut Queue) -> A) -> Option<A> {
    tx.tables().keep::<All, _>(|queues| queues.get_mut(&(org, webhook.0)).map(work))
}

fn held<T: InMemory, A>(tx: &mut T, turn: &Turn, work: impl FnOnce(&mut Queue) -> A) -> StoreResult<A> {
    let found = with(tx, turn.org, turn.webhook, |queue| (queue.fence == turn.fence).then(|| work(queue)));
    found.flatten().ok_or(StoreError::Stale)
}

fn deliveries<T: InMemory>(tx: &mut T, org: OrgId, webhook: WebhookId) -> Vec<Delivery> {
    tx.tables().rows::<Delivery>(org).filter(|delivery| delivery.webhook_id == webhook).cloned().collect()
}

#[async_trait]
impl<T: InMemory> Queues for T {
    async fn head(&mut self, org: OrgId) -> StoreResult<i64> {
        let entries = self.tables().journal.entries.iter().filter(|entry| entry.org == org);
        Ok(entries.map(|entry| entry.sequence).max().unwrap_or(0))
    }

    async fn hold_head(&mut self, org: OrgId) -> StoreResult<i64> {
        self.head(org).await
    }

    async fn open(&mut self, org: OrgId, webhook: WebhookId, position: i64, active: bool) -> StoreResult<()> {
        let queue = Queue {
            place: Place { position, stamped_at: None },
            active,
            next_at: None,
            rest_until: None,
            lease_until: None,
            served_at: None,
            fence: 0,
        };
        self.tables().keep::<All, _>(|queues| queues.insert((org, webhook.0), queue));
        Ok(())
    }

    async fn switch(&mut self, org: OrgId, webhook: WebhookId, active: bool) -> StoreResult<()> {
        with(self, org, webhook, |queue| {
            queue.active = active;
            queue.rest_until = None;
        });
        Ok(())
    }

    async fn wake(&mut self, org: OrgId, webhook: WebhookId, at: OffsetDateTime) -> StoreResult<()> {
        with(self, org, webhook, |queue| {
            queue.next_at = Some(queue.next_at.map_or(at, |next| next.min(at)));
            queue.rest_until = None;
        });
        Ok(())
    }

    async fn forget(&mut self, org: OrgId, webhook: WebhookId) -> StoreResult<()> {
        self.tables().keep::<All, _>(|queues| queues.remove(&(org, webhook.0)));
        for delivery in deliveries(self, org, webhook) {
            Repo::<Delivery>::delete(self, org, delivery.id).await?;
        }
        Ok(())
    }

    async fn claim(&mut self, now: OffsetDateTime, until: OffsetDateTime, most: usize) -> StoreResult<Vec<Turn>> {
        let mut heads: BTreeMap<OrgId, i64> = BTreeMap::new();
        for entry in &self.tables().journal.entries {
            let head = heads.entry(entry.org).or_default();
            *head = entry.sequence.max(*head);
        }
        Ok(self.tables().keep::<All, _>(|queues| {
            let mut free: Vec<_> = queues
                .iter_mut()
                .filter(|((org, _), queue)| {
                    let behind = heads.get(org).is_some_and(|head| *head > queue.place.position);
                    queue.active
                        && queue.lease_until.is_none_or(|at| at < now)
                        && queue.rest_until.is_none_or(|at| at <= now)
                        && (behind || queue.next_at.is_some_and(|at| at <= now))
                })
                .collect();
            free.sort_by_key(|(_, queue)| queue.served_at);
            let taken = free.into_iter().take(most).map(|((org, webhook), queue)| {
                queue.fence += 1;
                queue.lease_until = Some(until);
                queue.served_at = Some(now);
                Turn { org: *org, webhook: WebhookId(*webhook), fence: queue.fence }
            });
            taken.collect()
        }))
    }

    async fn hold(&mut self, turn: &Turn, until: OffsetDateTime) -> StoreResult<Place> {
        held(self, turn, |queue| {
            queue.lease_until = Some(until);
            queue.place
        })
    }

    async fn events(&mut self, org: OrgId, after: i64, upto: i64, most: usize) -> StoreResult<Vec<Seen>> {
        let entries = self.tables().journal.entries.iter();
        let within = |entry: &&Entry| entry.org == org && entry.feed && (after + 1..=upto).contains(&entry.sequence);
        let seen = |entry: &Entry| Seen { id: entry.id, sequence: entry.sequence, action: entry.action.clone() };
        Ok(entries.filter(within).take(most).map(seen).collect())
    }

    async fn advance(&mut self, turn: &Turn, place: Place) -> StoreResult<()> {
        held(self, turn, |queue| {
            queue.place = place;
            queue.next_at = place.stamped_at.or(queue.next_at);
        })
    }

    async fn due(&mut self, org: OrgId, webhook: WebhookId, now: OffsetDateTime) -> StoreResult<Option<Delivery>> {
        let all = deliveries(self, org, webhook).into_iter();
        let due = all.filter(|delivery| delivery.next_attempt_at.is_some_and(|at| at <= now));
        // Those without a sequence come last, as PostgreSQL has it.
        Ok(due.min_by_key(|one| (one.next_attempt_at, one.sequence.is_none(), one.sequence, one.id)))
    }

    async fn event(&mut self, org: OrgId, sequence: i64) -> StoreResult<Option<Entry>> {
        let mut entries = self.tables().journal.entries.iter();
        Ok(entries.find(|entry| entry.org == org && entry.sequence == sequence).cloned())
    }

    async fn release(&mut self, turn: &Turn, rest_until: Option<OffsetDateTime>) -> StoreResult<()> {
        let next = deliveries(self, turn.org, turn.webhook).iter().filter_map(|one| one.next_attempt_at).min();
        held(self, turn, |queue| {
            queue.lease_until = None;
            queue.rest_until = rest_until;
            queue.next_at = next;
        })
    }

    async fn expire(
        &mut self,
        org: OrgId,
        succeeded: OffsetDateTime,
        dead: OffsetDateTime,
        most: usize,
    ) -> StoreResult<usize> {
        let old = |one: &&Delivery| match one.status {
            Status::Succeeded => one.meta.updated_at < succeeded,
            Status::Dead => one.meta.updated_at < dead,
            Status::Pending | Status::Failed => false,
        };
        let gone: Vec<_> = self.tables().rows::<Delivery>(org).filter(old).take(most).map(|one| one.id).collect();
        for id in &gone {
            Repo::<Delivery>::delete(self, org, *id).await?;
        }
        Ok(gone.len())
    }
}

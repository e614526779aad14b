//! Limits that all servers share, kept in Redis.
//!
//! One script does the whole of a draw, so that it is atomic, and it takes the time from Redis, so that servers whose clocks
//! differ still count in the same windows. The arithmetic is that of [`crate::window`].

use std::{
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_redis::{Config, Pool, Runtime, redis::Script};

use crate::{
    local::{Ask, Drawn},
    rule::{Refused, Rule},
    window::{SLICES, Stand},
};

/// How long Redis may take before this process counts by itself.
const PATIENCE: Duration = Duration::from_secs(1);
/// Connections of a server: each carries one draw at a time, which takes a fraction of a millisecond.
const CONNECTIONS: usize = 16;

/// `KEYS`: one window each. `ARGV`: whether to take, how many slices, then each window's limit and width in milliseconds.
/// The answer: whether there was room, then for each window what is used, when the first and when all are back, and the slice.
static DRAW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local take, slices = ARGV[1] == '1', tonumber(ARGV[2])
local stands, room = {}, true
for i, key in ipairs(KEYS) do
  local most, width = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local stand = { used = 0, width = width, current = math.floor(now / width) }
  local fields, gone = redis.call('HGETALL', key), {}
  for f = 1, #fields, 2 do
    local slice, count = tonumber(fields[f]), tonumber(fields[f + 1])
    if slice + slices < stand.current then
      gone[#gone + 1] = fields[f]
    else
      stand.used = stand.used + count
      stand.first = math.min(stand.first or slice, slice)
      stand.last = math.max(stand.last or slice, slice)
    end
  end
  if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
  if stand.used >= most then room = false end
  stands[i] = stand
end
local answer = { room and 1 or 0 }
for i, stand in ipairs(stands) do
  if room and take then
    -- A clock that was set back counts in the newest slice: nothing is forgotten early.
    stand.current = math.max(stand.current, stand.last or 0)
    redis.call('HINCRBY', KEYS[i], string.format('%.0f', stand.current), 1)
    redis.call('PEXPIRE', KEYS[i], string.format('%.0f', (slices + 2) * stand.width))
    stand.used = stand.used + 1
    stand.first, stand.last = stand.first or stand.current, stand.current
  end
  local function back(slice) return slice and math.max(0, (slice + slices + 1) * stand.width - now) or 0 end
  for _, value in ipairs({ stand.used, back(stand.first), back(stand.last), stand.current }) do
    answer[#answer + 1] = value
  end
end
return answer",
    )
});

/// Gives one back to a slice that still counts.
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local count = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if count > 1 then redis.call('HINCRBY', KEYS[1], ARGV[1], -1)
elseif count == 1 then redis.call('HDEL', KEYS[1], ARGV[1]) end
return count",
    )
});

/// The counts in Redis, and whether it answers.
pub(crate) struct Shared {
    pool: Pool,
    up: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Shared {
    /// Of a Redis by its URL; an error where that is none. Nothing is sent yet.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let mut config = Config::from_url(url);
        config.pool = Some(deadpool_redis::PoolConfig::new(CONNECTIONS));
        let pool = config.create_pool(Some(Runtime::Tokio1)).map_err(|error| error.to_string())?;
        Ok(Self { pool, up: AtomicBool::new(false), failure: Mutex::default() })
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Why it is away, where it is.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn went_down(&self, problem: String) {
        if self.up.swap(false, Ordering::Relaxed) {
            tracing::warn!(problem, "Redis is away: limits hold for each process by itself until it is back");
        }
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }

    /// Whether it can count: by counting something, since a Redis that may not write answers a ping as well.
    pub(crate) async fn probe(&self) -> bool {
        let probe = Ask {
            rule: Rule { name: "probe", most: u32::MAX, period: Duration::from_secs(60) },
            place: "grc:probe".into(),
        };
        match self.draw(&[probe], true).await {
            Ok(_) => {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
                if !self.up.swap(true, Ordering::Relaxed) {
                    tracing::info!("Redis counts the limits of all servers");
                }
                true
            }
            Err(problem) => {
                self.went_down(problem);
                false
            }
        }
    }

    /// Takes one of each, or only looks; an error where Redis did not answer.
    pub(crate) async fn draw(&self, asks: &[Ask], take: bool) -> Result<Drawn, String> {
        let mut call = DRAW.prepare_invoke();
        call.arg(u8::from(take)).arg(SLICES);
        for ask in asks {
            call.key(ask.place.as_str()).arg(ask.rule.most).arg(ask.rule.width());
        }
        let asking = async {
            let mut connection = self.pool.get().await.map_err(|error| error.to_string())?;
            call.invoke_async::<Vec<u64>>(&mut connection).await.map_err(|error| error.to_string())
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await.map_err(|_| "no answer in time".to_owned())??;
        read(asks, &answer).ok_or_else(|| "an answer of another shape".to_owned())
    }

    /// Gives one back. Where Redis is away by now, nothing can be done about it.
    pub(crate) async fn give_back(&self, place: &str, slice: u64) {
        let mut call = GIVE_BACK.prepare_invoke();
        call.key(place).arg(slice);
        let giving = async {
            let mut connection = self.pool.get().await.ok()?;
            call.invoke_async::<u64>(&mut connection).await.ok()
        };
        let _ = tokio::time::timeout(PATIENCE, giving).await;
    }
}

fn read(asks: &[Ask], answer: &[u64]) -> Option<Drawn> {
    let (room, rest) = answer.split_first()?;
    let mut drawn = Vec::with_capacity(asks.len());
    let mut refused: Option<Refused> = None;
    for (ask, values) in asks.iter().zip(rest.chunks_exact(4)) {
        let [used, first_back, all_back, slice] = values.try_into().ok()?;
        let stand = Stand { used: u32::try_from(used).unwrap_or(u32::MAX), first_back, all_back };
        let standing = stand.standing(&ask.rule);
        let wait = first_back.div_ceil(1_000).max(1);
        if *room == 0 && stand.used >= ask.rule.most && refused.is_none_or(|known| known.wait < wait) {
            refused = Some(Refused { standing, wait });
        }
        drawn.push((standing, slice));
    }
    (drawn.len() == asks.len()).then(|| refused.map_or(Ok(drawn), Err))
}

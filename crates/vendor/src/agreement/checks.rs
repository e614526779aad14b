//! What must hold of a contract.

use std::collections::BTreeSet;

use grc_kernel::{Checker, Ctx, Refusal, Repo, Resource, kit, list::Scalar, resource::One};

use super::{Arrangement, Contract};
use crate::{Service, ports::Tx, rules::codes};

impl Contract {
    pub(super) fn verify(&self, check: &mut Checker) {
        let ordered = self.start_date.zip(self.end_date).is_none_or(|(start, end)| start <= end);
        check.ensure(ordered, "end_date", "out_of_order", "may not be before start_date");
        let ordered = self.start_date.zip(self.terminated_on).is_none_or(|(start, end)| start <= end);
        check.ensure(ordered, "terminated_on", "out_of_order", "may not be before start_date");
        let subsequent = self.arrangement_type == Arrangement::Subsequent;
        let (there, detail) = (self.overarching_contract_id.is_some(), "belongs to an arrangement_type of subsequent");
        check.ensure(there || !subsequent, "overarching_contract_id", "required", detail);
        check.ensure(subsequent || !there, "overarching_contract_id", "invalid", detail);
        for (field, ids) in [
            ("service_ids", self.service_ids.0.iter().map(|id| id.0).collect::<Vec<_>>()),
            ("linked_contract_ids", self.linked_contract_ids.0.iter().map(|id| id.0).collect()),
        ] {
            let mut seen = BTreeSet::new();
            for (i, id) in ids.into_iter().enumerate() {
                check.ensure(seen.insert(id), &format!("{field}[{i}]"), "repeated", "is named already");
            }
        }
        let own = self.linked_contract_ids.0.contains(&self.id);
        check.ensure(!own, "linked_contract_ids", "invalid", "names the contract itself");
    }

    pub(super) fn verify_codes(&mut self, check: &mut Checker) {
        if let Some(lei) = &mut self.signing_entity_lei {
            codes::lei("signing_entity_lei", lei, check);
        }
        for (i, lei) in self.using_entity_leis.iter_mut().enumerate() {
            codes::lei(&format!("using_entity_leis[{i}]"), lei, check);
        }
        if let Some(country) = &mut self.governing_law_country {
            codes::country("governing_law_country", country, check);
        }
        codes::countries("service_countries", &mut self.service_countries, check);
        codes::countries("data_at_rest_countries", &mut self.data_at_rest_countries, check);
        codes::countries("data_processing_countries", &mut self.data_processing_countries, check);
        for (i, sub) in self.sub_processors.iter_mut().enumerate() {
            if let Some(country) = &mut sub.country {
                codes::country(&format!("sub_processors[{i}].country"), country, check);
            }
            if let Some(lei) = &mut sub.lei {
                codes::lei(&format!("sub_processors[{i}].lei"), lei, check);
            }
        }
        if let Some(One(cost)) = &mut self.annual_cost {
            cost.currency.make_ascii_uppercase();
            let amount = codes::is_amount(&cost.amount);
            check.ensure(amount, "annual_cost.amount", "invalid", "must be an amount in decimal digits: 1234.56");
            let known = codes::is_currency(&cost.currency);
            check.ensure(known, "annual_cost.currency", "invalid", "must be the code of a currency (ISO 4217)");
        }
    }

    pub(super) async fn verify_services(
        &self,
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_some_and(|before| before.service_ids == self.service_ids) {
            return Ok(());
        }
        let services = Repo::<Service>::find_many(tx, ctx.org, &self.service_ids.0).await?;
        for (i, id) in self.service_ids.0.iter().enumerate() {
            let own = services.iter().any(|service| service.id == *id && service.vendor_id == self.vendor_id);
            check.ensure(own, &format!("service_ids[{i}]"), "unknown_reference", "is not a service of the vendor");
        }
        Ok(())
    }

    /// What stands above it is an overarching contract with the same vendor; what others stand under stays one.
    pub(super) async fn verify_place(
        &self,
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if let Some(above) = self.overarching_contract_id
            && before.is_none_or(|before| before.overarching_contract_id != Some(above))
        {
            let above = Repo::<Self>::find(tx, ctx.org, above).await?;
            let fits = above.is_some_and(|above| {
                above.arrangement_type == Arrangement::Overarching && above.vendor_id == self.vendor_id
            });
            let detail = "is not an overarching contract with the same vendor";
            check.ensure(fits, "overarching_contract_id", "invalid", detail);
        }
        let stepped_down = before.is_some_and(|before| before.arrangement_type == Arrangement::Overarching)
            && self.arrangement_type != Arrangement::Overarching;
        if stepped_down {
            let under = Self::LIST.query().only("overarching_contract_id", vec![Scalar::Id(self.id.0)]);
            let alone = kit::count::<Self>(ctx, tx, &under).await? == 0;
            check.ensure(alone, "arrangement_type", "invalid", "other contracts are made under this one");
        }
        Ok(())
    }
}

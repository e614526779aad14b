//! The assessments domain's repositories.

mod assessment;
mod control;
mod finding;
mod framework;
mod references;

use grc_assessments::{AssessmentsTx, ports};

use crate::tx::PgTx;

pub(crate) use framework::seed;

impl AssessmentsTx for PgTx {
    fn frameworks(&mut self) -> &mut dyn ports::FrameworkRepo {
        self
    }
    fn controls(&mut self) -> &mut dyn ports::ControlRepo {
        self
    }
    fn assessment_repo(&mut self) -> &mut dyn ports::AssessmentRepo {
        self
    }
    fn findings(&mut self) -> &mut dyn ports::FindingRepo {
        self
    }
    fn references(&mut self) -> &mut dyn ports::References {
        self
    }
}

//! How a caller follows a long run and ends it early.

/// What a run asks and tells while it works. Both are called from the threads of the run.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Whether to give up. Asked at least once in a block of trials and once in a million events.
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Told trials done and trials in all, whenever another hundredth is done, in rising order. It should
    /// return soon: the run waits for it.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl Watch<'static> {
    /// Nobody watches.
    pub fn nobody() -> Self {
        Self { cancelled: &|| false, progress: &|_, _| () }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

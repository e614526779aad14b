//! The revisions that a change may be made to.

/// What `If-Match` says: any revision, or one of those named (RFC 9110, section 13.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<[i64; Self::MOST]>);

impl IfMatch {
    /// How many revisions may be named at once. Who names more has not seen the record but guesses.
    pub const MOST: usize = 16;
    /// Any revision.
    pub const ANY: Self = Self(None);
    /// What no revision is: they count from 1, and what is not there yet counts as 0.
    const NONE: i64 = -1;

    /// This revision only.
    pub const fn is(revision: i64) -> Self {
        let mut named = [Self::NONE; Self::MOST];
        named[0] = revision;
        Self(Some(named))
    }

    /// One of these revisions, of none where there are none; `None` where there are too many.
    pub fn one_of(revisions: impl IntoIterator<Item = i64>) -> Option<Self> {
        let mut named = [Self::NONE; Self::MOST];
        let mut places = named.iter_mut();
        for revision in revisions {
            *places.next()? = revision;
        }
        Some(Self(Some(named)))
    }

    /// Whether a record of this revision may be changed.
    pub fn allows(self, current: i64) -> bool {
        self.0.is_none_or(|named| named.contains(&current))
    }
}

impl From<Option<i64>> for IfMatch {
    fn from(revision: Option<i64>) -> Self {
        revision.map_or(Self::ANY, Self::is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_named_revisions_will_do() {
        assert!(IfMatch::ANY.allows(7) && IfMatch::ANY.allows(0));
        assert!(IfMatch::is(7).allows(7) && !IfMatch::is(7).allows(8));
        let some = IfMatch::one_of([3, 9, 5]).unwrap();
        assert!(some.allows(3) && some.allows(9) && some.allows(5) && !some.allows(4) && !some.allows(0));
        assert!(!IfMatch::one_of([]).unwrap().allows(1));
        assert!(IfMatch::one_of(0..16).is_some() && IfMatch::one_of(0..17).is_none());
    }
}

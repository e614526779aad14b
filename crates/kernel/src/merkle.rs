//! Merkle trees as RFC 9162 (section 2.1) hashes them: SHA-256, leaves and nodes told apart by a prefix.
//!
//! The root is computed while the leaves go by: what is kept is one hash for each bit of their number.

use sha2::{Digest, Sha256};

/// A hash of a tree.
pub type Hash = [u8; 32];

/// The hash of a leaf's data.
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(data).finalize().into()
}

/// The hash of a node over its two sides.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows leaf by leaf.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The roots of the complete subtrees so far, each with its height; heights fall from left to right.
    peaks: Vec<(u32, Hash)>,
}

impl Tree {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the data of a leaf.
    pub fn push(&mut self, data: &[u8]) {
        let (mut height, mut hash) = (0, leaf(data));
        while let Some((left_height, left)) = self.peaks.last().copied()
            && left_height == height
        {
            self.peaks.pop();
            hash = node(&left, &hash);
            height += 1;
        }
        self.peaks.push((height, hash));
    }

    /// The root over the leaves so far; that of no leaves is the hash of nothing.
    pub fn root(&self) -> Hash {
        let from_the_right = self.peaks.iter().rev().map(|(_, hash)| *hash);
        from_the_right.reduce(|right, left| node(&left, &right)).unwrap_or_else(|| Sha256::digest([]).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The leaves that implementations of Certificate Transparency test with, and the roots over the first n of them.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_the_known_trees() {
        let mut tree = Tree::new();
        assert_eq!(hex::encode(tree.root()), ROOTS[0]);
        for (data, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            tree.push(&hex::decode(data).unwrap());
            assert_eq!(hex::encode(tree.root()), *root);
        }
    }

    /// The definition, word for word: split at the largest power of two below the number of leaves.
    fn defined(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => leaf(one),
            many => {
                let half = many.len().next_power_of_two() / 2;
                node(&defined(&many[..half]), &defined(&many[half..]))
            }
        }
    }

    proptest! {
        #[test]
        fn a_growing_tree_has_the_defined_root(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4), 0..70)) {
            let mut tree = Tree::new();
            for data in &leaves {
                tree.push(data);
            }
            prop_assert_eq!(tree.root(), defined(&leaves));
        }
    }
}

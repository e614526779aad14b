//! Merkle trees as RFC 9162 (section 2.1) hashes them: SHA-256, leaves and nodes told apart by a prefix.
//!
//! The root is computed while the leaves go by: what is kept is one hash for each bit of their number. Proofs (sections 2.1.3
//! and 2.1.4) name the subtrees whose hashes they consist of; where complete subtrees are kept, a proof takes a number of them that
//! grows with the logarithm of the tree.

use std::ops::Range;

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

/// A complete subtree: 2^level leaves, the index-th of that width from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Its height.
    pub level: u32,
    /// Its place among those of its height.
    pub index: u64,
}

impl Node {
    /// The leaves that it covers.
    pub fn leaves(self) -> Range<u64> {
        let begin = self.index << self.level;
        begin..begin + (1 << self.level)
    }
}

/// A tree that grows leaf by leaf.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// The roots of the complete subtrees so far, each with its height; heights fall from left to right.
    peaks: Vec<(u32, Hash)>,
}

impl Tree {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of so many leaves, by the hashes of its complete subtrees ([`nodes`] of all its leaves, in that order).
    pub fn of(size: u64, hashes: impl IntoIterator<Item = Hash>) -> Self {
        let levels = nodes(0..size).into_iter().map(|node| node.level);
        Self { size, peaks: levels.zip(hashes).collect() }
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the data of a leaf.
    pub fn push(&mut self, data: &[u8]) {
        self.grow(data, |_, _| ());
    }

    /// Adds the data of a leaf, and tells of every subtree that is complete by it.
    pub fn grow(&mut self, data: &[u8], mut complete: impl FnMut(Node, Hash)) {
        let (mut level, mut hash) = (0, leaf(data));
        let index = self.size;
        complete(Node { level, index }, hash);
        while let Some((left_level, left)) = self.peaks.last().copied()
            && left_level == level
        {
            self.peaks.pop();
            hash = node(&left, &hash);
            level += 1;
            complete(Node { level, index: index >> level }, hash);
        }
        self.peaks.push((level, hash));
        self.size += 1;
    }

    /// The root over the leaves so far; that of no leaves is the hash of nothing.
    pub fn root(&self) -> Hash {
        folded(self.peaks.iter().map(|(_, hash)| *hash)).unwrap_or_else(|| Sha256::digest([]).into())
    }
}

fn folded(from_the_left: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    from_the_left.rev().reduce(|right, left| node(&left, &right))
}

/// The complete subtrees that some leaves consist of, from left to right. The leaves must be a subtree of a tree: begin where
/// one of at least their number begins.
pub fn nodes(leaves: Range<u64>) -> Vec<Node> {
    let (mut begin, mut found) = (leaves.start, Vec::new());
    while begin < leaves.end {
        let level = (leaves.end - begin).ilog2();
        found.push(Node { level, index: begin >> level });
        begin += 1 << level;
    }
    found
}

/// The root over some leaves, by the hashes of their complete subtrees.
pub fn root_of(leaves: Range<u64>, mut hash: impl FnMut(Node) -> Option<Hash>) -> Option<Hash> {
    let hashes: Option<Vec<Hash>> = nodes(leaves).into_iter().map(&mut hash).collect();
    folded(hashes?.into_iter())
}

/// Where a tree of more than one leaf is split: the largest power of two below its number of leaves.
fn half(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The subtrees whose roots prove that a leaf is in a tree of so many, the lowest first (RFC 9162, 2.1.3.1).
pub fn inclusion(leaf: u64, size: u64) -> Vec<Range<u64>> {
    let (mut tree, mut path) = (0..size, Vec::new());
    while tree.end - tree.start > 1 {
        let middle = tree.start + half(tree.end - tree.start);
        if leaf < middle {
            path.push(middle..tree.end);
            tree = tree.start..middle;
        } else {
            path.push(tree.start..middle);
            tree = middle..tree.end;
        }
    }
    path.reverse();
    path
}

/// The subtrees whose roots prove that a tree of so many leaves began as one of fewer (RFC 9162, 2.1.4.1).
pub fn consistency(first: u64, second: u64) -> Vec<Range<u64>> {
    if first == 0 || first >= second {
        return Vec::new();
    }
    let (mut tree, mut path, mut known) = (0..second, Vec::new(), true);
    while first != tree.end {
        let middle = tree.start + half(tree.end - tree.start);
        if first <= middle {
            path.push(middle..tree.end);
            tree = tree.start..middle;
        } else {
            path.push(tree.start..middle);
            tree = middle..tree.end;
            known = false;
        }
    }
    if !known {
        path.push(tree);
    }
    path.reverse();
    path
}

/// Whether a path proves that a leaf is in the tree of a root (RFC 9162, 2.1.3.2).
pub fn is_included(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut here, mut last, mut hash) = (index, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if here & 1 == 1 || here == last {
            hash = node(step, &hash);
            while here & 1 == 0 && here != 0 {
                here >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, step);
        }
        here >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether a path proves that the tree of one root began as that of another (RFC 9162, 2.1.4.2). Every tree began as the
/// empty one.
pub fn is_consistent(first: (u64, &Hash), second: (u64, &Hash), path: &[Hash]) -> bool {
    let ((first, old), (second, new)) = (first, second);
    if first == 0 || first == second {
        return path.is_empty() && (first == 0 || old == new);
    }
    if first > second {
        return false;
    }
    let mut steps = path.iter();
    let seed = if first.is_power_of_two() { Some(old) } else { steps.next() };
    let Some(seed) = seed else { return false };
    let (mut here, mut last) = (first - 1, second - 1);
    while here & 1 == 1 {
        here >>= 1;
        last >>= 1;
    }
    let (mut to_old, mut to_new) = (*seed, *seed);
    for step in steps {
        if last == 0 {
            return false;
        }
        if here & 1 == 1 || here == last {
            to_old = node(step, &to_old);
            to_new = node(step, &to_new);
            while here & 1 == 0 && here != 0 {
                here >>= 1;
                last >>= 1;
            }
        } else {
            to_new = node(&to_new, step);
        }
        here >>= 1;
        last >>= 1;
    }
    last == 0 && to_old == *old && to_new == *new
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

    fn data() -> Vec<Vec<u8>> {
        LEAVES.iter().map(|text| hex::decode(text).unwrap()).collect()
    }

    fn hash_of(text: &serde_json::Value) -> Hash {
        hex::decode(text.as_str().unwrap()).unwrap().try_into().unwrap()
    }

    /// The roots of subtrees, by the definition.
    fn proven(leaves: &[Vec<u8>], spans: Vec<Range<u64>>) -> Vec<Hash> {
        let at = |n: u64| usize::try_from(n).unwrap();
        spans.into_iter().map(|span| defined(&leaves[at(span.start)..at(span.end)])).collect()
    }

    #[test]
    fn the_proofs_are_those_of_the_known_trees() {
        let known: serde_json::Value = serde_json::from_str(include_str!("../tests/merkle-vectors.json")).unwrap();
        let (leaves, mut seen) = (data(), 0);
        for proof in known["inclusion"].as_array().unwrap() {
            let (index, size) = (proof["index"].as_u64().unwrap(), proof["size"].as_u64().unwrap());
            let path: Vec<Hash> = proof["path"].as_array().unwrap().iter().map(hash_of).collect();
            assert_eq!(proven(&leaves, inclusion(index, size)), path, "leaf {index} of {size}");
            let root = defined(&leaves[..usize::try_from(size).unwrap()]);
            let one = leaf(&leaves[usize::try_from(index).unwrap()]);
            assert!(is_included(&one, index, size, &path, &root));
            seen += 1;
        }
        for proof in known["consistency"].as_array().unwrap() {
            let (first, second) = (proof["first"].as_u64().unwrap(), proof["second"].as_u64().unwrap());
            let path: Vec<Hash> = proof["proof"].as_array().unwrap().iter().map(hash_of).collect();
            assert_eq!(proven(&leaves, consistency(first, second)), path, "{first} of {second}");
            seen += 1;
        }
        assert!(seen > 40);
    }

    #[test]
    fn proofs_of_every_small_tree_hold_and_no_other_does() {
        let leaves: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n]).collect();
        for size in 1..=40_u64 {
            let root = defined(&leaves[..usize::try_from(size).unwrap()]);
            for index in 0..size {
                let path = proven(&leaves, inclusion(index, size));
                let one = leaf(&leaves[usize::try_from(index).unwrap()]);
                assert!(is_included(&one, index, size, &path, &root));
                assert!(
                    !is_included(&one, index + 1, size, &path, &root) && !is_included(&root, index, size, &path, &root)
                        || size == 1
                );
                assert!(!is_included(&one, index, size, &path, &one) || size == 1);
                let longer: Vec<Hash> = path.iter().copied().chain([root]).collect();
                assert!(!is_included(&one, index, size, &longer, &root));
                assert!(path.is_empty() || !is_included(&one, index, size, &path[1..], &root));
            }
            for first in 0..=size {
                let old = defined(&leaves[..usize::try_from(first).unwrap()]);
                let path = proven(&leaves, consistency(first, size));
                assert!(is_consistent((first, &old), (size, &root), &path), "{first} {size}");
                let other = leaf(b"other");
                assert!(first == 0 || !is_consistent((first, &other), (size, &root), &path));
                assert!(first == 0 || !is_consistent((first, &old), (size, &other), &path));
                let longer: Vec<Hash> = path.iter().copied().chain([root]).collect();
                assert!(!is_consistent((first, &old), (size, &root), &longer));
            }
            assert!(!is_consistent((size + 1, &root), (size, &root), &[]));
        }
    }

    proptest! {
        #[test]
        fn kept_subtrees_give_back_the_tree(count in 0..300_u16) {
            let (mut tree, mut kept) = (Tree::new(), std::collections::BTreeMap::new());
            for n in 0..count {
                tree.grow(&n.to_be_bytes(), |node, hash| { kept.insert(node, hash); });
            }
            let size = u64::from(count);
            let again = Tree::of(size, nodes(0..size).iter().map(|node| kept[node]));
            prop_assert_eq!((again.root(), again.size()), (tree.root(), size));
            prop_assert_eq!(root_of(0..size, |node| kept.get(&node).copied()).unwrap_or(tree.root()), tree.root());
            prop_assert!(kept.keys().all(|node| node.leaves().end <= size));
        }

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

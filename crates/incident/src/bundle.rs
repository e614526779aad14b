//! What an export of an incident's evidence consists of: the manifest that is signed, and the words that say how to
//! verify it. The bytes go by outside; here are their names, sizes and hashes.

use grc_kernel::{Ctx, EvidenceId, merkle::Tree, record::timestamp};
use serde_json::{Map, Value, json};

use crate::{incident::Incident, timeline::Head};

/// How to verify an export, with the means to do so.
pub const README: &str = include_str!("../data/package-readme.md");
/// The name of the manifest.
pub const MANIFEST: &str = "manifest.json";
/// The name of its signature.
pub const SIGNATURE: &str = "manifest.jws";
/// What the signature is of, in its header: no token of another kind passes for one.
pub const TYPE: &str = "incident-evidence-manifest+jws";

/// A piece of evidence in an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The evidence.
    pub id: EvidenceId,
    /// Its file's name.
    pub filename: String,
    /// The SHA-256 on record, in hex.
    pub sha256: String,
}

/// A manifest that grows file by file.
#[derive(Debug)]
pub struct Manifest {
    head: Map<String, Value>,
    files: Vec<Value>,
    absent: Vec<Value>,
    tree: Tree,
}

impl Manifest {
    /// The manifest of an export of an incident, by the service at an address.
    pub fn new(ctx: &Ctx, incident: &Incident, issuer: &str) -> Self {
        let head = json!({
            "format": "incident-evidence",
            "version": 1,
            "issuer": issuer,
            "org_id": ctx.org.to_string(),
            "incident_id": incident.id.to_string(),
            "title": incident.title,
            "exported_at": timestamp(ctx.now),
            "exported_by": {"type": ctx.actor.kind.as_str(), "id": ctx.actor.id.to_string(), "name": ctx.actor.name},
            "request_id": ctx.request,
            "hash_algorithm": "SHA-256",
        });
        let head = head.as_object().cloned().unwrap_or_default();
        Self { head, files: Vec::new(), absent: Vec::new(), tree: Tree::new() }
    }

    /// Adds a file that went by; the piece of evidence that it is, if it is one.
    pub fn add(&mut self, path: &str, size: u64, sha256: &[u8; 32], piece: Option<&Piece>) {
        self.tree.push(sha256);
        let hash = hex::encode(sha256);
        let mut file = json!({"path": path, "size": size, "sha256": hash});
        if let (Some(piece), Value::Object(members)) = (piece, &mut file) {
            members.insert("evidence_id".into(), piece.id.to_string().into());
            members.insert("filename".into(), piece.filename.as_str().into());
            members.insert("intact".into(), (piece.sha256 == hash).into());
            members.insert("recorded_sha256".into(), piece.sha256.as_str().into());
        }
        self.files.push(file);
    }

    /// Says that the file of a piece of evidence is not there, and why.
    pub fn lack(&mut self, piece: &Piece, reason: &str) {
        self.absent.push(json!({
            "evidence_id": piece.id.to_string(), "filename": piece.filename, "recorded_sha256": piece.sha256, "reason": reason,
        }));
    }

    /// The bytes that are signed. `timeline` is the end of the timeline that was exported.
    pub fn finish(&self, timeline: &Head) -> Vec<u8> {
        let mut members = self.head.clone();
        members.insert("timeline".into(), json!({"entries": timeline.sequence, "hash": hex::encode(timeline.hash)}));
        members.insert("merkle_root".into(), hex::encode(self.tree.root()).into());
        members.insert("files".into(), self.files.clone().into());
        members.insert("absent".into(), self.absent.clone().into());
        format!("{:#}\n", Value::Object(members)).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Meta, OrgId, Resource, Uuid, merkle};

    use super::*;

    #[test]
    fn a_manifest_says_what_is_there_what_is_not_and_what_changed() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let incident = Incident::blank(ctx.new_id(), ctx.org, Meta::new(&ctx));
        let mut manifest = Manifest::new(&ctx, &incident, "https://grc.example.com");
        let piece = |n: u128, hash: &str| Piece {
            id: Uuid::from_u128(n).into(),
            filename: format!("{n}.log"),
            sha256: hash.repeat(32),
        };
        manifest.add("README.md", 3, &[1; 32], None);
        manifest.add("evidence/0001-1.log", 5, &[2; 32], Some(&piece(1, "02")));
        manifest.add("evidence/0002-2.log", 7, &[3; 32], Some(&piece(2, "ff")));
        manifest.lack(&piece(3, "aa"), "deleted");
        let bytes = manifest.finish(&Head { sequence: 4, hash: [9; 32] });
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        let intact: Vec<&Value> = read["files"].as_array().unwrap().iter().map(|file| &file["intact"]).collect();
        assert_eq!(intact, [&Value::Null, &json!(true), &json!(false)]);
        assert_eq!(read["absent"][0]["reason"], "deleted");
        assert_eq!(read["timeline"], json!({"entries": 4, "hash": "09".repeat(32)}));
        let leaves = [[1; 32], [2; 32], [3; 32]].map(|hash| merkle::leaf(&hash));
        let root = merkle::node(&merkle::node(&leaves[0], &leaves[1]), &leaves[2]);
        assert_eq!(read["merkle_root"], hex::encode(root));
    }
}

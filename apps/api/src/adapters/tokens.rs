//! Signed tokens: access tokens (EdDSA) and the terms of local uploads and downloads.
//!
//! The key lies in the data directory and is made at the first start. Replicas share it by sharing the file.

use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long an access token works, in seconds.
pub const ACCESS_SECONDS: i64 = 15 * 60;
const ISSUER: &str = "sovereign-grc";
const API: &str = "sovereign-grc-api";
const BLOBS: &str = "sovereign-grc-blobs";

/// The claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    iss: String,
    aud: String,
    /// The user.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The terms of a local upload or download.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BlobClaims {
    iss: String,
    aud: String,
    exp: i64,
    /// `PUT` or `GET`.
    pub method: String,
    /// The object.
    pub key: String,
    /// Its media type, for an upload.
    pub content_type: Option<String>,
    /// Its size, where it was announced.
    pub size: Option<i64>,
    /// Its SHA-256 in hex, where it was announced.
    pub sha256: Option<String>,
    /// The file name of a download.
    pub filename: Option<String>,
}

/// Signs and verifies.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    kid: String,
    public: [u8; 32],
    retired: Vec<[u8; 32]>,
}

/// What the name of a file begins with that holds a key which signed once, and does no more.
const RETIRED: &str = "retired-";

impl Tokens {
    /// Opens the key in a folder, making it where there is none.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("signing-key.pem");
        if !path.exists() {
            std::fs::create_dir_all(folder)?;
            let mut seed = [0_u8; 32];
            getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
            let pem = SigningKey::from_bytes(&seed).to_pkcs8_pem(LineEnding::LF)?;
            // Written beside its place and moved there, so that a crash leaves no half key.
            let new = folder.join("signing-key.new");
            let mut file =
                std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(pem.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
        }
        let pem = std::fs::read_to_string(&path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        let key = SigningKey::from_pkcs8_pem(&pem)
            .map_err(|error| anyhow::anyhow!("{} holds no Ed25519 key: {error}", path.display()))?;
        let public_pem = key.verifying_key().to_public_key_pem(LineEnding::LF)?;
        let public = key.verifying_key().to_bytes();
        Ok(Self {
            encoding: EncodingKey::from_ed_pem(pem.as_bytes())?,
            decoding: DecodingKey::from_ed_pem(public_pem.as_bytes())?,
            kid: kid(public),
            public,
            retired: retired(folder)?,
        })
    }

    /// The public keys by which what was ever signed here can be checked: the one in use, and the retired ones.
    pub fn keys(&self) -> Vec<[u8; 32]> {
        std::iter::once(self.public).chain(self.retired.iter().copied()).collect()
    }

    /// An access token for a session.
    pub fn access(&self, user: Uuid, session: Uuid, id: Uuid, now: OffsetDateTime) -> anyhow::Result<String> {
        let at = now.unix_timestamp();
        let claims = AccessClaims {
            iss: ISSUER.into(),
            aud: API.into(),
            sub: user,
            sid: session,
            jti: id,
            iat: at,
            nbf: at,
            exp: at + ACCESS_SECONDS,
        };
        self.sign(&claims)
    }

    /// The claims of an access token that is ours and in force.
    pub fn read_access(&self, token: &str) -> Option<AccessClaims> {
        self.verify(token, API)
    }

    /// A token for one upload or download.
    pub fn blob(&self, mut claims: BlobClaims, now: OffsetDateTime, seconds: i64) -> anyhow::Result<String> {
        claims.exp = (now + Duration::seconds(seconds)).unix_timestamp();
        self.sign(&claims)
    }

    /// The terms of an upload or download token that is ours and in force.
    pub fn read_blob(&self, token: &str) -> Option<BlobClaims> {
        self.verify(token, BLOBS)
    }

    /// A detached signature over a document (RFC 7515, appendix F). Its type stands in the header, so that it passes
    /// for no token of another kind.
    pub fn detached(&self, kind: &str, document: &[u8]) -> anyhow::Result<String> {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let header = serde_json::json!({"alg": "EdDSA", "kid": self.kid, "typ": kind, "cty": "json"});
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(document));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.encoding, Algorithm::EdDSA)?;
        Ok(format!("{header}..{signature}"))
    }

    /// The name of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The signature of an input.
    pub fn signature(&self, input: &[u8]) -> anyhow::Result<[u8; 64]> {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let signature = jsonwebtoken::crypto::sign(input, &self.encoding, Algorithm::EdDSA)?;
        let bytes = URL_SAFE_NO_PAD.decode(signature)?;
        bytes.try_into().map_err(|_| anyhow::anyhow!("an Ed25519 signature has 64 bytes"))
    }

    /// The public keys as a JSON Web Key set (RFC 8037), the one in use first.
    pub fn jwks(&self) -> serde_json::Value {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let key = |public: [u8; 32]| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid(public), "x": URL_SAFE_NO_PAD.encode(public),
            })
        };
        serde_json::json!({"keys": self.keys().into_iter().map(key).collect::<Vec<_>>()})
    }

    fn sign(&self, claims: &impl Serialize) -> anyhow::Result<String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.encoding)?)
    }

    fn verify<C: DeserializeOwned + Clone>(&self, token: &str, audience: &str) -> Option<C> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The library's defaults allow a minute of leeway and leave these claims unchecked.
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        jsonwebtoken::decode::<C>(token, &self.decoding, &validation).ok().map(|data| data.claims)
    }
}

/// The name of a key.
fn kid(public: [u8; 32]) -> String {
    hex::encode(Sha256::digest(public)).chars().take(16).collect()
}

/// The public keys of the files that are named so: PEM files with a private or a public key.
fn retired(folder: &Path) -> anyhow::Result<Vec<[u8; 32]>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(RETIRED)));
    // The order of a folder's files is anybody's; the keys' is theirs.
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let pem = std::fs::read_to_string(path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        let private = SigningKey::from_pkcs8_pem(&pem).map(|key| key.verifying_key());
        let public = private.or_else(|_| VerifyingKey::from_public_key_pem(&pem));
        let public = public.map_err(|error| anyhow::anyhow!("{} holds no Ed25519 key: {error}", path.display()))?;
        Ok(public.to_bytes())
    };
    paths.iter().map(read).collect()
}

impl grc_audit::Signer for Tokens {
    fn sign(&self, text: &[u8]) -> Result<[u8; 64], String> {
        self.signature(text).map_err(|error| error.to_string())
    }

    fn public(&self) -> [u8; 32] {
        self.public
    }
}

impl BlobClaims {
    /// Terms for a method and an object.
    pub fn new(method: &str, key: &str) -> Self {
        Self {
            iss: ISSUER.into(),
            aud: BLOBS.into(),
            exp: 0,
            method: method.into(),
            key: key.into(),
            content_type: None,
            size: None,
            sha256: None,
            filename: None,
        }
    }
}

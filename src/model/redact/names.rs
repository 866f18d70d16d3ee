//! Names of files that hold secrets by custom. Nobody reads an untracked file of such a name.

/// True if an untracked file at `path` is left out of every snapshot.
pub fn secret_name(path: &[u8]) -> bool {
    let path = path.to_ascii_lowercase();
    let mut parts: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
    let Some(name) = parts.pop() else { return false };
    parts.iter().any(|folder| FOLDERS.iter().any(|secret| secret.as_bytes() == *folder))
        || FILES_IN.iter().any(|(folder, file)| {
            file.as_bytes() == name && parts.last().is_some_and(|last| folder.as_bytes() == *last)
        })
        || is_secret_file(name)
}

const FOLDERS: [&str; 5] = [".aws", ".ssh", ".gnupg", ".azure", "gcloud"];

const FILES_IN: [(&str, &str); 2] = [(".docker", "config.json"), (".kube", "config")];

const NAMES: [&str; 15] = [
    ".env",
    ".envrc",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    "kubeconfig",
    "wallet.dat",
    ".vault-token",
    ".terraformrc",
];

const ENDINGS: [&str; 10] =
    [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".tfvars", ".ovpn"];

/// Beginning, ending.
const FRAMES: [(&str, &str); 5] = [
    ("credentials", ""),
    ("service-account", ".json"),
    ("client_secret", ".json"),
    ("secrets.y", "ml"),
    (".env.", ""),
];

/// What a name with a secret's beginning may end in and be harmless.
const HARMLESS: [&str; 3] = [".example", ".sample", ".template"];

fn is_secret_file(name: &[u8]) -> bool {
    if name.starts_with(b".env.") && HARMLESS.iter().any(|end| name.ends_with(end.as_bytes())) {
        return false;
    }
    NAMES.iter().any(|secret| secret.as_bytes() == name)
        || ENDINGS.iter().any(|end| name.ends_with(end.as_bytes()))
        || FRAMES.iter().any(|(start, end)| framed(name, start, end))
        || name.starts_with(b"id_") && !name.ends_with(b".pub")
        || super::bytes::find(name, b".tfstate").is_some()
}

fn framed(name: &[u8], start: &str, end: &str) -> bool {
    name.len() >= start.len() + end.len()
        && name.starts_with(start.as_bytes())
        && name.ends_with(end.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hold_secrets_are_denied_in_any_folder_and_any_case() {
        let denied = [
            ".env",
            ".ENV",
            "a/.env.local",
            ".env.production",
            ".envrc",
            "tls/server.pem",
            "server.KEY",
            "x.p12",
            "x.pfx",
            "x.jks",
            "x.keystore",
            "x.kdbx",
            "x.ppk",
            "id_rsa",
            "keys/id_ed25519",
            ".netrc",
            "_netrc",
            ".npmrc",
            ".pypirc",
            ".pgpass",
            ".my.cnf",
            ".htpasswd",
            ".git-credentials",
            ".dockercfg",
            ".docker/config.json",
            "home/.kube/config",
            "kubeconfig",
            "credentials",
            "credentials.json",
            ".aws/config",
            "x/.ssh/known_hosts",
            ".gnupg/x",
            ".azure/x/y",
            ".config/gcloud/x.db",
            "service-account-prod.json",
            "client_secret_1.json",
            "terraform.tfstate",
            "x.tfstate.backup",
            "prod.tfvars",
            "secrets.yaml",
            "secrets.yml",
            "home.ovpn",
            "wallet.dat",
            ".vault-token",
            ".terraformrc",
        ];
        for name in denied {
            assert!(secret_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_not() {
        let allowed = [
            "",
            "/",
            ".env.example",
            ".env.sample",
            "x/.env.template",
            "id_rsa.pub",
            "environment.rs",
            "config.json",
            "docker/config.json",
            ".docker/other.json",
            ".kube/cache",
            "src/keys.rs",
            "key",
            "monkey.rs",
            "pem.rs",
            "service-account.md",
            "client_secret.rs",
            "secrets.rs",
            "README.md",
            "ssh/x",
            "tfstate.md",
            "Cargo.lock",
        ];
        for name in allowed {
            assert!(!secret_name(name.as_bytes()), "{name}");
        }
    }
}

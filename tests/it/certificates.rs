//! A certificate for `localhost`, made for one test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::needs::skipped;

pub struct Certificates {
    /// Signed it.
    pub authority: PathBuf,
    /// Did not.
    pub stranger: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The key and the certificate in one file.
    pub both: PathBuf,
}

impl Certificates {
    /// `None`, and said loudly, where there is no `openssl`.
    pub fn make(folder: &Path) -> Option<Certificates> {
        let file = |name: &str| folder.join(name);
        let run = |words: &[&str]| {
            let status =
                Command::new("openssl").current_dir(folder).args(words).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        let authority = |name: &str| {
            let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
            let subject = format!("/CN={name}");
            run(&[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-keyout",
                &key,
                "-out",
                &certificate,
                "-subj",
                &subject,
            ])
        };
        std::fs::write(
            file("extensions"),
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
        )
        .unwrap();
        let made = authority("authority")
            && authority("stranger")
            && run(&[
                "req",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                "key.pem",
                "-out",
                "wish",
                "-subj",
                "/CN=localhost",
            ])
            && run(&[
                "x509",
                "-req",
                "-in",
                "wish",
                "-CA",
                "authority.pem",
                "-CAkey",
                "authority.key",
                "-CAcreateserial",
                "-days",
                "2",
                "-extfile",
                "extensions",
                "-out",
                "certificate.pem",
            ]);
        if !made {
            skipped("no certificate could be made: install openssl");
            return None;
        }
        let both =
            [file("key.pem"), file("certificate.pem")].map(|path| std::fs::read(path).unwrap()).concat();
        std::fs::write(file("both.pem"), both).unwrap();
        Some(Certificates {
            authority: file("authority.pem"),
            stranger: file("stranger.pem"),
            certificate: file("certificate.pem"),
            key: file("key.pem"),
            both: file("both.pem"),
        })
    }
}

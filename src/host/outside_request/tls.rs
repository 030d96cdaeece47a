//! The handshake: any certificate is taken, so that it can be shown, and what is wrong with it is asked afterwards.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use crate::host::clock;
use crate::host::outside_request::timely::{Timely, failure};
use crate::plan::certs::x509::CertFacts;
use crate::plan::trace::facts::{BadCertificate, Failure, Shown};

/// Takes any certificate, so that it can be shown; what is wrong with it is asked afterwards.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Speaks TLS for `host`, whatever certificate is shown; says what was, for a client that trusts the file
/// `authorities`, and whether the file of this machine's authorities has the one that has signed it.
pub(super) fn handshake(
    mut stream: Timely,
    host: &str,
    (authorities, machine): (Option<&Path>, Option<&Path>),
    patience: Duration,
) -> Result<(StreamOwned<ClientConnection, Timely>, Shown), Failure> {
    stream.until = Instant::now() + patience;
    let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let name = ServerName::try_from(host.to_owned()).map_err(|error| other(&error))?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = config.map_err(|error| other(&error))?.dangerous();
    let config =
        config.with_custom_certificate_verifier(Arc::new(Anything(Arc::clone(&provider)))).with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), name.clone()).map_err(|error| other(&error))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream).map_err(|error| failure(&error, patience))?;
    }
    let chain: Vec<CertificateDer<'static>> =
        client.peer_certificates().unwrap_or_default().iter().map(|one| one.clone().into_owned()).collect();
    let Some((leaf, above)) = chain.split_first() else {
        return Err(Failure::Other("no certificate was presented".to_owned()));
    };
    let (facts, issuer) = CertFacts::of_der(leaf).map_err(Failure::Other)?;
    let own = problem(authorities, Arc::clone(&provider), (leaf, above), &name);
    // Where there is no fault for us, there may be one for others.
    let machine = machine.filter(|_| own.is_none());
    let machine_trusts = machine
        .map(|machine| problem(Some(machine), provider, (leaf, above), &name) != Some(BadCertificate::Untrusted));
    let shown = Shown {
        names: facts.names.iter().cloned().collect(),
        issuer,
        days_left: facts.days_left(clock::unix_time()),
        machine_trusts,
        problem: own,
    };
    Ok((StreamOwned::new(client, stream), shown))
}

/// What is wrong with a certificate, for a client that trusts the file of authorities alone.
fn problem(
    authorities: Option<&Path>,
    provider: Arc<CryptoProvider>,
    (leaf, above): (&CertificateDer<'_>, &[CertificateDer<'_>]),
    name: &ServerName<'_>,
) -> Option<BadCertificate> {
    let mut roots = RootCertStore::empty();
    let file = authorities?;
    for authority in CertificateDer::pem_file_iter(file).into_iter().flatten().flatten() {
        // One that cannot be read is trusted by nobody.
        let _ = roots.add(authority);
    }
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return Some(BadCertificate::Untrusted);
    };
    match verifier.verify_server_cert(leaf, above, name, &[], UnixTime::now()) {
        Ok(_) => None,
        Err(rustls::Error::InvalidCertificate(error)) => Some(match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => BadCertificate::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                BadCertificate::OtherName
            }
            CertificateError::UnknownIssuer => BadCertificate::Untrusted,
            other => BadCertificate::Other(other.to_string()),
        }),
        Err(other) => Some(BadCertificate::Other(other.to_string())),
    }
}

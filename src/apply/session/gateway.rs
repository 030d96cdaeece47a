//! The gateway of a checkout: certificates for all of its names, and its configuration.

use crate::apply::certs::zones::{self, Zone};
use crate::apply::certs::{self, CertificateWish, Certs, Make};
use crate::apply::session::Intent;
use crate::apply::session::checkout::Checkout;
use crate::digest;
use crate::error::Result;
use crate::host::certs::Pair;
use crate::host::certs::ca_store;
use crate::host::clock;
use crate::plan::certs::zones::{Signers, aliases};
use crate::plan::certs::{LeafOf, inner};
use crate::plan::environment;
use crate::plan::environment::rehearsed::gateway_files;
use crate::plan::environment::target::Base;
use crate::plan::identity::Identity;
use crate::plan::parts::{Environment, GATEWAY};
use crate::render::certs::Leaf;
use crate::render::{self, Access, Generated};

/// What the gateway serves with. Nothing of it is written yet.
pub(super) struct Site {
    certs: Certs,
    zones: Vec<Zone>,
    /// Its configuration; none where nothing is routed.
    pub configuration: Option<Generated>,
    /// Digest of the configuration.
    pub fingerprint: String,
    /// Lines for the user.
    pub news: Vec<String>,
}

impl Site {
    /// Finds the certificates, or makes those that are due where the command acts, and renders the configuration.
    pub(super) fn of(checkout: &Checkout, identity: &Identity, uid: u32, intent: Intent) -> Result<Self> {
        let (project, held) = (&checkout.project, &identity.held);
        let names = environment::certificate::certificate_names(project, &held.host);
        let wish = CertificateWish {
            root: &checkout.home,
            assets: &checkout.assets,
            host: &held.host,
            folder: identity.folder,
            aliases: aliases(project),
            names: &names,
            now: clock::unix_time(),
        };
        let make = if intent == Intent::Act { Make::Yes } else { Make::No };
        let certs = certs::load(wish, make)?;
        let (covered, others): (Vec<String>, Vec<String>) =
            aliases(project).iter().cloned().partition(|name| certs.covers(name, wish.now));
        let mut signers = Signers::of(&others, &ca_store::zones()?);
        signers.machine.extend(covered);
        if intent == Intent::Act {
            signers.check(project)?;
        }
        let (zones, of_zones) = zones::load(wish, &signers.zones, make)?;
        let news = certs.news.iter().cloned().chain(of_zones).collect();
        let served = zones.iter().filter(|zone| zone.leaf.is_some());
        let served = served.map(|zone| (zone.name.clone(), zone.names.clone())).collect();
        let routes = environment::routes::routes(project, &held.host);
        let hosts = routes.iter().map(|route| &route.host).chain(aliases(project)).chain([&held.host]);
        let own = hosts.filter(|host| certs.covers(host, wish.now)).cloned().collect();
        let site = render::gateway::Site {
            host: &held.host,
            domain: &inner(project.file.project.as_str()),
            port: held.ports.get(GATEWAY).copied().unwrap_or_default(),
            uid,
            routes: &routes,
            aliases: &signers.machine,
            own: &own,
            zones: &served,
        };
        let (configuration, fingerprint) = render::gateway::file(&site, &checkout.assets)?;
        let configuration = (!routes.is_empty()).then_some(configuration);
        Ok(Self { certs, zones, configuration, fingerprint, news })
    }

    /// The files of the certificates and of what is trusted beside the machine's `bundle`.
    pub(super) fn certificates(&self, bundle: Option<&str>) -> Vec<Generated> {
        fn leaf<'a>(of: LeafOf<'a>, pair: &'a Pair) -> Leaf<'a> {
            Leaf { of, certificate: &pair.certificate, key: &pair.key }
        }
        let made = self.certs.leaf.iter().map(|pair| leaf(LeafOf::Environment, pair));
        let own = self.certs.own.iter().map(|pair| leaf(LeafOf::Own, pair));
        let zones = self.zones.iter().filter_map(|zone| Some(leaf(LeafOf::Zone(&zone.name), zone.leaf.as_ref()?)));
        let leaves: Vec<Leaf<'_>> = made.chain(own).chain(zones).collect();
        render::certs::files(&leaves, &self.authorities(), bundle)
    }

    /// The certificate and its key as a platform gives them to the gateway, where the environment is made for one.
    pub(super) fn gateway_secrets(&self, environment: &Environment) -> Vec<Generated> {
        let Some(pair) = self.certs.leaf.as_ref().filter(|_| environment.base == Base::Prod) else { return Vec::new() };
        let texts = gateway_files().into_iter().zip([&pair.certificate, &pair.key]);
        let generated = |path, text| Generated { path, text: render::certs::marked(text), access: Access::Mounted };
        texts.map(|(path, text)| generated(path, text)).collect()
    }

    /// Digest of the certificates of all authorities that containers trust beside the machine's bundle.
    pub(super) fn authorities_digest(&self) -> Option<String> {
        let authorities = self.authorities();
        (!authorities.is_empty()).then(|| digest::hex(authorities.concat().as_bytes()))
    }

    fn authorities(&self) -> Vec<&str> {
        self.certs.authority.iter().chain(self.zones.iter().map(|zone| &zone.authority)).map(String::as_str).collect()
    }
}

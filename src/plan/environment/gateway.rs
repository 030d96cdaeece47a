//! The gateway as a part of an environment. Pure.

use std::time::Duration;

use crate::names::{ImageName, PartName};
use crate::paths;
use crate::plan::environment::Setup;
use crate::plan::environment::certificate::CERTS;
use crate::plan::environment::errors::EnvironmentError;
use crate::plan::environment::sites::{SITES, sites};
use crate::plan::environment::target::{Base, Placement};
use crate::plan::mounts::{Mount, MountClass, MountSource};
use crate::plan::parts::{
    Ask, Environment, GATEWAY, GATEWAY_CONFIGURATION, GATEWAY_HTTP, GATEWAY_PORTS, Part, PartKind, Probe,
};

impl Setup<'_> {
    pub(super) fn gateway(&self, name: &PartName, environment: &mut Environment) -> Result<Part, EnvironmentError> {
        let image = match (ImageName::new(GATEWAY), self.target.base) {
            (Ok(image), Base::Dev) => self.image(name, &image)?.1,
            (Ok(_), Base::Ci | Base::Prod) => self.released_image(self.recipe(name, environment)?),
            (Err(_), _) => return Err(EnvironmentError::UnknownPreset(name.clone(), GATEWAY.to_owned())),
        };
        let sites = self.site_mounts()?;
        let class = MountClass::Reload(self.contents.gateway.clone());
        let ask = Ask::Http { port: GATEWAY_PORTS.1, path: "/.devenv/health".to_owned() };
        let ports = [(GATEWAY, GATEWAY_PORTS.0), (GATEWAY_HTTP, GATEWAY_PORTS.1)];
        let probe = Some(Probe { ask, within: Duration::from_secs(30) });
        let is_root = self.placement == Placement::Here && self.machine.uid == 0;
        let extra = of_gateway(self.machine.uid);
        let certificates = self.generated(paths::CERTS, CERTS, MountClass::Ignore);
        let mounts = match self.target.base {
            Base::Dev => {
                let own = [self.generated(paths::GATEWAY, "/etc/devenv/gateway", class), certificates];
                own.into_iter().chain(sites).collect()
            }
            Base::Ci => vec![certificates],
            Base::Prod => return Ok(Part { probe, extra, ..Part::new(name.clone(), PartKind::Gateway, image) }),
        };
        Ok(Part {
            command: (is_root && self.target.base == Base::Ci).then(as_root),
            // As the developer, whose the certificate's key is.
            user: Some(format!("{}:{}", self.machine.uid, self.machine.gid)),
            // Else compose adds those of the docker client's configuration, which exempt nothing of the environment.
            dev_env: self.machine.proxy.clone(),
            mounts,
            publish: ports.into_iter().filter_map(|(name, port)| self.publish(name, Some(port))).collect(),
            probe,
            extra,
            ..Part::new(name.clone(), PartKind::Gateway, image)
        })
    }

    /// What the gateway has mounted for its sites.
    fn site_mounts(&self) -> Result<Vec<Mount>, EnvironmentError> {
        let mut mounts = Vec::new();
        for (name, module) in sites(self.project) {
            if self.target.base != Base::Dev {
                return Err(EnvironmentError::Site(
                    name.clone(),
                    format!("is not released, so {} cannot have it", self.target.name),
                ));
            }
            if self.machine.engine_apart {
                return Err(EnvironmentError::Site(
                    name.clone(),
                    "needs an engine that has the checkout's files".to_owned(),
                ));
            }
            let above = module.path.as_str().rsplit_once('/').map_or(".", |(above, _)| above);
            let (source, target) = (MountSource::Folder(self.below_root(above)), format!("{SITES}/{name}"));
            let class = MountClass::Ignore;
            if above == "." {
                let target = format!("{target}/.devenv");
                mounts.push(Mount { source: MountSource::Memory, target, writable: true, class: MountClass::Ignore });
            }
            mounts.insert(0, Mount { source, target, writable: false, class });
        }
        Ok(mounts)
    }
}

/// The command of a released gateway as root: its configuration is made for a user that is not.
fn as_root() -> Vec<String> {
    ["nginx", "-e", "stderr", "-c", GATEWAY_CONFIGURATION, "-g", "daemon off; user root;"].map(str::to_owned).into()
}

/// What only the gateway has: no capabilities, but for root one with which nginx sets its workers' groups; a folder to write
/// to; and ports enough for the connections to modules.
fn of_gateway(uid: u32) -> serde_json::Map<String, serde_json::Value> {
    let list = |items: &[&str]| items.iter().map(|item| serde_json::Value::from(*item)).collect::<Vec<_>>();
    let mut keys = serde_json::Map::new();
    keys.insert("cap_drop".into(), list(&["ALL"]).into());
    if uid == 0 {
        keys.insert("cap_add".into(), list(&["SETGID"]).into());
    }
    // Each request opens a connection to its module; their ports would be used up within seconds under load.
    let ports = [("net.ipv4.tcp_tw_reuse", "1"), ("net.ipv4.ip_local_port_range", "1024 65535")];
    let ports: serde_json::Map<String, serde_json::Value> =
        ports.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    keys.insert("sysctls".into(), ports.into());
    keys.insert("tmpfs".into(), list(&["/tmp"]).into());
    keys
}

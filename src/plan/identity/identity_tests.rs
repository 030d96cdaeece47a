use super::*;
use crate::config;
use crate::config::inputs::{InputFile, Inputs};

fn identity(ports: &[(&str, u16)]) -> Identity {
    let ports = ports.iter().map(|(part, port)| (PartName::new(*part).unwrap(), *port)).collect();
    let [id, path, project, host] = ["0a0b0c", "/shop", "shop", "shop.localhost"].map(str::to_owned);
    Identity {
        held: Reservation { id, path, project, host, subnet: 0, ports, engine: String::new() },
        news: vec![],
        folder: FolderOf::Own,
    }
}

fn shop() -> Project {
    let main = InputFile { name: "devenv.yaml".to_owned(), bytes: b"project: shop\n".to_vec() };
    let (env, known) = (BTreeMap::new(), config::inputs::KnownNames::default());
    let draft = config::read(Inputs { main: &main, local: None, env: &env }).checked_against(&known);
    draft.finish(&BTreeMap::new()).unwrap()
}

fn known(path: &str, fresh: &str) -> KnownCheckout {
    KnownCheckout { path: path.to_owned(), fresh: fresh.to_owned(), ..KnownCheckout::default() }
}

#[test]
fn another_environment_than_dev_never_takes_its_host() {
    let mut table = Table::default();
    let ci = |path: &str, fresh: &str| KnownCheckout { environment: Some("ci".to_owned()), ..known(path, fresh) };
    let host = |known: &KnownCheckout, table: &mut Table| identify(known, &shop(), table).unwrap().held.host;
    assert_eq!(host(&ci("/a/.devenv/environments/ci", "0a0a0a"), &mut table), "ci.shop.localhost");
    assert_eq!(host(&ci("/b/.devenv/environments/ci", "0b0b0b"), &mut table), "ci-0b0b.shop.localhost");
    assert_eq!(host(&known("/a", "0c0c0c"), &mut table), "shop.localhost");
}

#[test]
fn a_subnet_stays_unless_a_network_of_somebody_else_has_taken_it() {
    let mut table = Table::default();
    let subnet = |known: &KnownCheckout, table: &mut Table| identify(known, &shop(), table).unwrap().subnet();
    let mut shop = known("/shop", "0a");
    assert_eq!(subnet(&shop, &mut table), "10.213.0.0/24");
    shop.subnets = BTreeMap::from([(0, Some("0a".to_owned()))]);
    assert_eq!(subnet(&shop, &mut table), "10.213.0.0/24", "it is its own network");
    shop.subnets = BTreeMap::from([(0, None), (1, Some("0b".to_owned()))]);
    assert_eq!(subnet(&shop, &mut table), "10.213.2.0/24");
}

#[test]
fn when_the_table_is_long_folders_that_are_gone_make_room() {
    let mut table = Table::default();
    for at in 0..=255 {
        identify(&known(&format!("/{at}"), &format!("{at:02x}")), &shop(), &mut table).unwrap();
    }
    let mut late = known("/late", "late");
    assert_eq!(identify(&late, &shop(), &mut table), Err(NoSubnet));
    late.gone.insert("/7".to_owned());
    assert_eq!(identify(&late, &shop(), &mut table).unwrap().subnet(), "10.213.7.0/24");
    assert_eq!(table.checkouts.len(), 256);
}

#[test]
fn another_engine_than_last_time_is_told_once() {
    let mut table = Table::default();
    let mut news = |engine: &str| {
        let known = KnownCheckout { engine: engine.to_owned(), ..known("/shop", "0a") };
        identify(&known, &shop(), &mut table).unwrap().news
    };
    assert!(news("one").is_empty());
    assert_eq!(
        news("other"),
        [
            "recovered this checkout's identity",
            "this is not the engine of last time: the data of this checkout stays in the other one",
        ]
    );
    assert_eq!(news("other"), ["recovered this checkout's identity"]);
}

#[test]
fn parts_that_listen_on_one_port_in_their_containers_have_different_ones_here() {
    let wish = |part| PortWish { part: PartName::new(part).unwrap(), preferred: 8000, fixed: None, ours: false };
    let mut here = identity(&[]);
    let known = known("/shop", "0a");
    let news = reserve_ports(&[wish("api"), wish("web")], &known, &mut Table::default(), &mut here);
    assert_eq!(here.held.ports, identity(&[("api", 8000), ("web", 8001)]).held.ports);
    assert_eq!(news, ["web: port 8000 is in use; using 8001"]);
}

#[test]
fn no_port_is_to_be_chosen_where_each_part_runs_at_the_one_it_had() {
    let wish = |fixed, ours| PortWish { part: PartName::new("api").unwrap(), preferred: 8000, fixed, ours };
    let had = identity(&[("api", 8001)]);
    assert!(has_ports(&[wish(None, true)], &had));
    assert!(has_ports(&[wish(Some(8001), true)], &had));
    assert!(!has_ports(&[wish(Some(8002), true)], &had), "the user has chosen another one");
    assert!(!has_ports(&[wish(None, false)], &had), "somebody may have taken it");
    assert!(!has_ports(&[wish(None, true)], &identity(&[])));
}

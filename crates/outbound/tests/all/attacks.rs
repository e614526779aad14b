//! Forms that must not get through: addresses in every notation, names, schemes, ports, rebinding.

use std::sync::atomic::Ordering;

use grc_outbound::{Limits, OutboundError, Policy, Reach, Refused, Request, Target, reach};

use crate::support::{Names, answer, outbound, serve};

/// Hosts that lead inside, in the notations that parsers know.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.0.0.0x1",
    "0",
    "0.0.0.0",
    "0x0",
    "00.00.00.00",
    "10.0.0.1",
    "10.255.255.255",
    "012.0.0.1",
    "0xa.0.0.1",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "0xac100001",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "0xc0a80001",
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "168.63.129.16",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[::10.0.0.1]",
    "[::169.254.169.254]",
    "[fc00::1]",
    "[fd00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[ff0e::1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::]",
    "[2002:a9fe:a9fe::]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::1]",
    "[2001:0:7f00:1::]",
    "[2001::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[100::1]",
    "[5f00::1]",
    "[::ffff:0:7f00:1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "intranet",
    "printer",
    "db.internal",
    "x.local",
    "router.lan",
    "metadata.google.internal",
    "METADATA.GOOGLE.INTERNAL",
    "metadata.goog",
    "metadata",
    "instance-data",
    "x.home.arpa",
    "grc.example.com",
    "GRC.EXAMPLE.COM",
    "public.example.",
    "1.0.0.127.in-addr.arpa",
    "hidden.onion",
    "a.test",
    "127%2e0%2e0%2e1",
    "%31%32%37.0.0.1",
    "lo%63alhost",
    "256.256.256.256",
    "1.2.3.4.5",
    "127.0.0.1.",
    "0x7f.0.0.0x1.",
    "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    "\u{2460}\u{2461}\u{2466}.0.0.1",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "loc\u{ad}alhost",
    "\u{24db}\u{24de}\u{24d2}\u{24d0}\u{24db}\u{24d7}\u{24de}\u{24e2}\u{24e3}",
    "[fe80::1%25eth0]",
    "[::1%lo]",
];

const PLACES: &[(&str, &str)] = &[("https", ""), ("https", ":443"), ("http", ""), ("http", ":80"), ("https", ":5432")];

#[tokio::test]
async fn no_notation_of_an_inner_address_gets_through_and_nothing_is_sent() {
    // The name server would lead every name to a listener of this machine.
    let names = Names::new(&[&["127.0.0.1"]]);
    let guard = outbound(false, &names, Limits::default());
    let server = serve(answer("HTTP/1.1 200 OK", "secret"));
    let mut forms = 0;
    for host in HOSTS {
        for (scheme, port) in PLACES {
            let ports = [(*port).to_owned(), format!(":{}", server.address.port())];
            for port in ports {
                let url = format!("{scheme}://{host}{port}/latest/meta-data");
                forms += 1;
                let refused = match guard.target(&url) {
                    Err(_) => true,
                    Ok(target) => guard.send(Request::get(target)).await.is_err(),
                };
                assert!(refused, "{url} got through");
            }
        }
    }
    assert!(forms >= 1_000, "{forms}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_no_url() {
    let policy = Policy::default();
    for url in [
        "https://user@good.example.org/",
        "https://user:pw@good.example.org/",
        "https://good.example.org@127.0.0.1/",
        "https://good.example.org\\@127.0.0.1/",
        "https:\\\\127.0.0.1/",
        "https://good.example.org#@127.0.0.1/",
        "https://good.example.org/#x",
        "https://good.exa\tmple.org/",
        "https://good.example.org/\n",
        " https://good.example.org/",
        "https://good.example.org/ x",
        "https://good.example.org/\u{0}",
        "https://",
        "https:///",
        "//good.example.org/",
        "/path",
        "",
        "https://good.example.org:99999/",
        "https://[::1/",
        "https://a..b:x/",
    ] {
        assert!(Target::parse(url, &policy).is_err(), "{url:?}");
    }
    for scheme in [
        "file:///etc/passwd",
        "gopher://a.example.org/",
        "dict://a.example.org/",
        "ftp://a.example.org/",
        "data:text/html,x",
        "unix:/run/x.sock",
        "jar:https://a.example.org!/x",
        "javascript:alert(1)",
        "ws://a.example.org/",
        "http://a.example.org/",
    ] {
        assert!(matches!(Target::parse(scheme, &policy), Err(Refused::Scheme | Refused::Form)), "{scheme}");
    }
    for port in [80, 22, 5432, 6379, 8181, 9000, 8443] {
        let url = format!("https://good.example.org:{port}/");
        assert_eq!(Target::parse(&url, &policy), Err(Refused::Port));
    }
    let long = format!("https://good.example.org/{}", "a".repeat(3_000));
    assert_eq!(Target::parse(&long, &policy), Err(Refused::Form));
    assert!(Target::parse("https://good.example.org/a/@b?c=d%20e", &policy).is_ok());
    assert!(Target::parse("https://8.8.8.8/", &policy).is_ok());
    assert!(Target::parse("https://[2606:4700::1111]/", &policy).is_ok());
}

#[tokio::test]
async fn one_forbidden_address_forbids_a_name() {
    let inner =
        ["10.0.0.1", "127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1", "64:ff9b::a00:1", "fe80::1"];
    for address in inner {
        for reply in [
            vec![address],
            vec!["93.184.215.14", address],
            vec![address, "93.184.215.14"],
            vec!["2606:4700::1111", address],
        ] {
            let names = Names::new(&[&reply]);
            let guard = outbound(false, &names, Limits::default());
            let target = guard.target("https://good.example.org/").unwrap();
            assert_eq!(guard.admit(target).await, Err(OutboundError::Refused(Refused::Host)), "{reply:?}");
        }
    }
    let nobody = outbound(false, &Names::new(&[&[]]), Limits::default());
    let target = nobody.target("https://good.example.org/").unwrap();
    assert_eq!(nobody.admit(target).await, Err(OutboundError::Unreachable));
}

#[tokio::test]
async fn a_name_that_changes_its_answer_is_asked_once_and_held_to_what_it_said() {
    let server = serve(answer("HTTP/1.1 200 OK", "secret"));
    for round in 0..1_000 {
        let (first, second): (&[&str], &[&str]) =
            if round % 2 == 0 { (&["93.184.215.14"], &["127.0.0.1"]) } else { (&["127.0.0.1"], &["93.184.215.14"]) };
        let names = Names::new(&[first, second]);
        let guard = outbound(false, &names, Limits::default());
        let target = guard.target("https://good.example.org/").unwrap();
        let admitted = guard.admit(target).await;
        assert_eq!(names.asked.load(Ordering::SeqCst), 1);
        match admitted {
            Ok(admitted) => assert!(admitted.addresses.iter().all(|address| reach(*address) == Reach::Global)),
            Err(error) => assert_eq!(error, OutboundError::Refused(Refused::Host)),
        }
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_closed_network_may_be_reached_but_never_the_metadata_service() {
    let guard = outbound(true, &Names::new(&[&["169.254.169.254"]]), Limits::default());
    for url in [
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
    ] {
        assert_eq!(guard.target(url), Err(Refused::Host), "{url}");
    }
    let target = guard.target("http://metadata.internal/").unwrap();
    assert_eq!(guard.admit(target).await, Err(OutboundError::Refused(Refused::Host)));
    for url in ["http://127.0.0.1:8000/", "http://10.1.2.3/", "http://[::1]:8000/", "http://vendor:8080/mcp"] {
        assert!(guard.target(url).is_ok(), "{url}");
    }
}

#[test]
fn a_target_stays_within_its_origin() {
    let target = Target::parse("https://good.example.org/.well-known/x", &Policy::default()).unwrap();
    assert_eq!(target.at("/mcp").unwrap().url().as_str(), "https://good.example.org/mcp");
    for other in [
        "https://evil.example.org/",
        "//evil.example.org/",
        "http://good.example.org/",
        "https://good.example.org:8443/",
    ] {
        assert!(target.at(other).is_err(), "{other}");
    }
}

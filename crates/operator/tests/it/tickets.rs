//! Who holds a ticket in the end, whoever asked, approved and gave it?

use intramuros_operator::plan::bastion;

use crate::convergence::{BastionTrial, NOW, identity, run};
use crate::doubles::warpgate::Warpgate;

/// What stays of the tickets when people asked, approved and gave in this way; who holds one in the end.
fn tickets(
    declared: Option<bastion::WantedTickets>,
    happens: impl Fn(&mut Warpgate),
) -> (Vec<String>, bastion::Plan) {
    let trial = BastionTrial::new();
    let mut found = (Vec::new(), bastion::Plan::default());
    run(async {
        let wanted = bastion::Wanted { tickets: declared, ..trial.wanted() };
        trial.bastion.converge(&wanted).await.unwrap();
        happens(&mut trial.double.lock().unwrap());
        trial.bastion.look().await.unwrap();
        found.1 = trial.bastion.converge(&wanted).await.unwrap();
        let double = trial.double.lock().unwrap();
        found.0 =
            double.tickets.values().map(|ticket| ticket["username"].as_str().unwrap().to_owned()).collect();
        found.0.sort();
    });
    found
}

#[test]
fn a_ticket_stays_when_it_is_for_whom_as_long_and_approved_as_declared() {
    // The trial's administrator is anne.
    let declared = |approval: bool, approvers: &[&str]| {
        Some(bastion::WantedTickets {
            seconds: 3600,
            approval,
            people: vec!["chloe".to_owned()],
            approvers: approvers.iter().map(|name| (*name).to_owned()).collect(),
        })
    };
    let asked = |person: &'static str, by: &'static str, seconds: i64| {
        move |double: &mut Warpgate| {
            let request = double.ask(person, "shop.prod", NOW - 60);
            double.approve(&request, by);
            double.take(&request, NOW - 60, seconds);
        }
    };
    let check =
        |declared: Option<bastion::WantedTickets>, happens: &dyn Fn(&mut Warpgate), expected: &[&str]| {
            assert_eq!(tickets(declared, happens).0, expected);
        };
    check(declared(true, &[]), &asked("chloe", "anne", 3600), &["chloe"]);
    check(declared(true, &[]), &asked("anne", "bruno", 3600), &["anne"]);
    check(declared(true, &["bruno"]), &asked("chloe", "bruno", 3600), &["chloe"]);
    // Nobody declared, or not she.
    check(None, &asked("chloe", "anne", 3600), &[]);
    check(declared(true, &[]), &asked("bruno", "anne", 3600), &[]);
    // Too long; approved by herself; approved by one who may not; by nobody.
    check(declared(true, &[]), &asked("chloe", "anne", 7200), &[]);
    check(declared(true, &[]), &asked("chloe", "chloe", 3600), &[]);
    check(declared(true, &["bruno"]), &asked("chloe", "anne", 3600), &[]);
    let by_hand = |double: &mut Warpgate| drop(double.give("chloe", "shop.prod", NOW, 600));
    check(declared(true, &[]), &by_hand, &[]);
    check(declared(false, &[]), &by_hand, &["chloe"]);
    // One that has ended opens nothing, and is the bastion's record.
    check(
        declared(true, &[]),
        &|double: &mut Warpgate| drop(double.give("bruno", "shop.prod", NOW - 900, 600)),
        &["bruno"],
    );
}

#[test]
fn who_asks_is_shown_and_who_may_not_is_told() {
    let declared = bastion::WantedTickets {
        seconds: 3600,
        approval: true,
        people: vec!["chloe".to_owned(), "dora".to_owned()],
        approvers: vec![],
    };
    let (held, plan) = tickets(Some(declared.clone()), |double| {
        double.ask("chloe", "shop.prod", NOW);
        double.ask("bruno", "shop.prod", NOW);
    });
    assert!(held.is_empty());
    let shown: Vec<(&str, &str)> =
        plan.tickets.iter().map(|ticket| (ticket.person.as_str(), ticket.state.as_str())).collect();
    assert_eq!(shown, [("chloe", "Asked")]);
    assert_eq!((plan.strangers, plan.tickets_off), (vec!["dora".to_owned()], None));
    let (_, plan) = tickets(Some(declared), |double| double.no_asking = true);
    assert_eq!(plan.tickets_off, Some("ticket_self_service_enabled"));
}

#[test]
fn nobody_keeps_a_ticket_when_an_environment_goes() {
    let trial = BastionTrial::new();
    run(async {
        trial.bastion.converge(&trial.wanted()).await.unwrap();
        let asked = {
            let mut double = trial.double.lock().unwrap();
            let request = double.ask("chloe", "shop.prod", NOW);
            double.approve(&request, "anne");
            double.take(&request, NOW, 3600);
            double.ask("anne", "shop.prod", NOW)
        };
        trial.bastion.look().await.unwrap();
        trial.bastion.lock_out(&identity().mark()).await.unwrap();
        let double = trial.double.lock().unwrap();
        assert!(double.tickets.is_empty(), "a ticket needs no role");
        assert_eq!(double.requests[&asked]["status"], "Denied");
        assert!(!double.targets.is_empty(), "targets stay until the cluster is gone");
    });
}

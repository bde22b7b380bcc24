//! What a stage may ask the database depends on what it is.

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountNo, AskId, ContainerId, ImageId};
use crate::base::roles::Role;
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::proto::stage::{Answer, BrokerToStage, Question, StageToBroker};
use crate::storekeeper::orders::ToStorekeeper;

#[test]
fn only_maintenance_sees_and_sets_what_many_accounts_have_in_common() {
    let now = Now { mono: Monotonic(0), wall: Timestamp(0) };
    let mut state = State::new(Policy::plain(), now);
    let roles = [(ContainerId(1), Role::Maintenance), (ContainerId(2), Role::ReverseSearch)];
    for (container, role) in roles {
        let hello = StageToBroker::Hello { role, pid: 1, workers: vec![] };
        state.handle(Event::FromStage(container, hello), now, &mut Vec::new());
    }
    let mut reaches_the_store = |from: ContainerId, question: Question| {
        let mut effects = Vec::new();
        let asked = StageToBroker::Ask { ask: AskId(1), question: question.clone() };
        state.handle(Event::FromStage(from, asked), now, &mut effects);
        let is_order = |effect: &Effect| matches!(effect, Effect::ToStore(ToStorekeeper::Ask { question: told, .. }) if *told == question);
        let is_refusal = |effect: &Effect| {
            let Effect::ToStage { to, message: BrokerToStage::Answer { answer, .. }, .. } = effect else {
                return false;
            };
            *to == from && matches!(answer, Answer::Unavailable(_))
        };
        let reached = effects.iter().any(is_order);
        assert_ne!(reached, effects.iter().any(is_refusal), "{question:?}");
        reached
    };
    for question in
        [Question::PartsSample { after: AccountNo(0), limit: 5 }, Question::KeepFurniture(vec![1])]
    {
        assert!(reaches_the_store(ContainerId(1), question.clone()));
        assert!(!reaches_the_store(ContainerId(2), question.clone()));
        assert!(!reaches_the_store(ContainerId(9), question));
    }
    for question in [
        Question::Furniture,
        Question::PartsOf(vec![ImageId(1)]),
        Question::AccountParts { account: AccountNo(1), after: ImageId(0) },
    ] {
        assert!(reaches_the_store(ContainerId(2), question));
    }
}

//! What the database knows of an account, for people: `account NAME`.

use crate::base::ids::{AccountKey, Network};
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, Pending};
use crate::domain::accounts::AccountRef;
use crate::domain::addresses::account_named;
use crate::domain::failure::FailureCode;
use crate::proto::front::FrontAnswer;
use crate::proto::stage::{Answer, Question};

pub fn ask(turn: &mut Turn, asker: Asker, name: &str) {
    let name = name.trim();
    let is_id = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let account = match is_id {
        true => AccountRef::Id(AccountKey::new(Network::Twitter, name)),
        false => match account_named(name) {
            Ok(account) => account,
            Err(why) => {
                return turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, why.to_owned());
            }
        },
    };
    turn.ask_store(Pending::AccountRecords(asker), Question::Accounts(account));
}

pub fn on_records(turn: &mut Turn, asker: Asker, answer: Answer) {
    match answer {
        Answer::AccountRecords(mut records) => {
            // Its rows may still be on their way out.
            records.retain(|record| !turn.state.forgotten.names_account(&record.state.key));
            turn.answer(asker, FrontAnswer::Account(records));
        }
        _ => {
            let why = "the database could not be read".to_owned();
            turn.refuse_because(asker, FailureCode::ProcessingError, why);
        }
    }
}

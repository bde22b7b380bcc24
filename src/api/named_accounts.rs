//! Accounts that pages name, with what is known of each: whether it is there, or why it is left out.

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::ids::Network;
use crate::domain::accounts::{AccountRef, Evidence, LeftOutReason, OtherAccount, Standing};
use crate::domain::addresses::{account_url, named_account_url};
use crate::proto::view::AccountView;

/// An account that a page names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedAccountAnswer {
    pub network: Network,
    /// Stable; `null` where only its name is known.
    pub id: Option<String>,
    /// `null` where only its id is known.
    pub handle: Option<String>,
    /// Its page; empty where its id tells none.
    pub url: String,
    pub state: AccountStateName,
    /// The state in words, as the end of a sentence that begins with the account.
    pub detail: String,
    /// Why the account is believed to be the artist's.
    pub evidence: Option<Evidence>,
    /// The pages that led to the account, the artwork's page first.
    pub chain: Vec<String>,
}

/// What is known of an account that a page names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStateName {
    /// Its network says that it is there, and can be read.
    Confirmed,
    /// Its network was not asked: `detail` says why.
    NotAsked,
    Missing,
    Private,
    Suspended,
    /// Its owner or its server does not want it to be read.
    Closed,
    /// Left out: the account of a site.
    SitesOwn,
    /// Left out: a bridge's copy of another account.
    Copy,
    /// Left out: another account on its network has a better reason.
    Weaker,
    /// Left out: on the operator's blocklist.
    Blocklist,
    /// Left out: an organization's, on the blocklist that ships with the program.
    Organization,
    /// Left out: on a network that was not asked for.
    OtherNetwork,
    /// Left out: not the artist's, by a person's word.
    Person,
    /// Left out: at the wish of its owner or of its network.
    Forgotten,
}

impl AccountStateName {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            AccountStateName::Confirmed => "confirmed",
            AccountStateName::NotAsked => "not_asked",
            AccountStateName::Missing => "missing",
            AccountStateName::Private => "private",
            AccountStateName::Suspended => "suspended",
            AccountStateName::Closed => "closed",
            AccountStateName::SitesOwn => "sites_own",
            AccountStateName::Copy => "copy",
            AccountStateName::Weaker => "weaker",
            AccountStateName::Blocklist => "blocklist",
            AccountStateName::Organization => "organization",
            AccountStateName::OtherNetwork => "other_network",
            AccountStateName::Person => "person",
            AccountStateName::Forgotten => "forgotten",
        }
    }

    /// It is not taken for the artist's.
    pub fn is_left_out(self) -> bool {
        match self {
            AccountStateName::SitesOwn
            | AccountStateName::Copy
            | AccountStateName::Weaker
            | AccountStateName::Blocklist
            | AccountStateName::Organization
            | AccountStateName::OtherNetwork
            | AccountStateName::Person
            | AccountStateName::Forgotten => true,
            AccountStateName::Confirmed
            | AccountStateName::NotAsked
            | AccountStateName::Missing
            | AccountStateName::Private
            | AccountStateName::Suspended
            | AccountStateName::Closed => false,
        }
    }

    /// Whether it is one that people can go to, as far as is known.
    pub fn may_be_there(self) -> bool {
        let is_gone = matches!(self, AccountStateName::Missing | AccountStateName::Suspended);
        !is_gone && !self.is_left_out()
    }
}

impl From<&Standing> for AccountStateName {
    fn from(standing: &Standing) -> AccountStateName {
        match standing {
            Standing::Missing => AccountStateName::Missing,
            Standing::Private => AccountStateName::Private,
            Standing::Suspended => AccountStateName::Suspended,
            Standing::Closed { .. } => AccountStateName::Closed,
            Standing::Unasked { .. } => AccountStateName::NotAsked,
            Standing::LeftOut(reason) => match reason {
                LeftOutReason::SitesOwn => AccountStateName::SitesOwn,
                LeftOutReason::Copy => AccountStateName::Copy,
                LeftOutReason::Weaker => AccountStateName::Weaker,
                LeftOutReason::Blocklist => AccountStateName::Blocklist,
                LeftOutReason::Organization => AccountStateName::Organization,
                LeftOutReason::OtherNetwork => AccountStateName::OtherNetwork,
                LeftOutReason::Person => AccountStateName::Person,
                LeftOutReason::Forgotten => AccountStateName::Forgotten,
            },
        }
    }
}

impl From<&AccountView> for NamedAccountAnswer {
    fn from(account: &AccountView) -> NamedAccountAnswer {
        NamedAccountAnswer {
            network: account.key.network,
            id: Some(account.key.native.clone()),
            handle: Some(account.handle.clone()).filter(|handle| !handle.is_empty()),
            url: account_url(&account.key, &account.handle),
            state: AccountStateName::Confirmed,
            detail: "is there".to_owned(),
            evidence: account.evidence,
            chain: account.chain.clone(),
        }
    }
}

impl From<&OtherAccount> for NamedAccountAnswer {
    fn from(OtherAccount { candidate, standing }: &OtherAccount) -> NamedAccountAnswer {
        let (id, handle) = match &candidate.account {
            AccountRef::Id(key) => (Some(key.native.clone()), None),
            AccountRef::Handle { handle, .. } => (None, Some(handle.clone())),
        };
        NamedAccountAnswer {
            network: candidate.account.network(),
            id,
            handle,
            url: named_account_url(&candidate.account),
            state: AccountStateName::from(standing),
            detail: standing.why().to_owned(),
            evidence: Some(candidate.evidence),
            chain: candidate.chain.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_artist;

    #[test]
    fn states_are_called_as_in_json() {
        let view = sample_artist();
        let states = view.others.iter().map(|other| AccountStateName::from(&other.standing));
        let states: Vec<AccountStateName> =
            std::iter::once(AccountStateName::Confirmed).chain(states).collect();
        assert_eq!(states.len(), 12, "one of each");
        for state in states {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}

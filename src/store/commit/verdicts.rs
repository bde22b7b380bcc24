//! What people say: kept, taken back, and looked up by its page, its subject or its moment.

use std::collections::{BTreeMap, HashSet};

use super::load;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network};
use crate::domain::verdicts::{self, Claim, KeptVerdicts, Kind, MAX_PER_PAGE, Verdict, VerdictId};
use crate::store::engine::connection::Connection;
use crate::store::engine::row::Row;
use crate::store::error::StoreError;
use crate::store::schema::{self, Value};
use crate::store::{codec, statements};

/// Keeps all of these, or none where a page would have too many.
pub fn keep(connection: &mut Connection, said: &[Verdict]) -> Result<KeptVerdicts, StoreError> {
    let beside = beside(connection, said)?;
    let known: HashSet<VerdictId> =
        beside.iter().map(|verdict| verdict.id).filter(|id| said.iter().any(|one| one.id == *id)).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for verdict in &beside {
        *counts.entry(about(verdict)).or_default() += 1;
    }
    let (mut rows, mut new, mut seen) = (Vec::new(), Vec::new(), known.clone());
    for verdict in said.iter().filter(|verdict| seen.insert(verdict.id)) {
        let about = about(verdict);
        let count = counts.entry(about.clone()).or_default();
        if *count >= MAX_PER_PAGE {
            return Ok(KeptVerdicts::Full { about });
        }
        *count += 1;
        rows.push(values(verdict));
        new.push(verdict);
    }
    connection.insert(&schema::VERDICTS, &rows, false)?;
    let is_against = |other: &&Verdict| said.iter().any(|verdict| verdict.contradicts(other));
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(KeptVerdicts::Kept {
        new: number(new.len()),
        known: number(said.len() - new.len()),
        against: verdicts::holding(beside.iter().chain(new).filter(is_against).cloned().collect()),
    })
}

/// Takes a verdict back.
pub fn remove(connection: &mut Connection, id: VerdictId) -> Result<Option<Verdict>, StoreError> {
    let asked = [Value::from(id.to_string().as_str())];
    let mut found = Vec::new();
    load::in_lists(connection, statements::VERDICTS_BY_ID, &[], &asked, "look up a verdict", |row| {
        found.push(verdict(row)?);
        Ok(())
    })?;
    connection.run(statements::REMOVE_VERDICT, &asked, "take a verdict back")?;
    Ok(found.pop())
}

/// The verdicts of the same pages, and those that hold for all pages about the same accounts.
fn beside(connection: &mut Connection, said: &[Verdict]) -> Result<Vec<Verdict>, StoreError> {
    let pages: Vec<String> = said.iter().filter_map(|verdict| verdict.page.clone()).collect();
    let accounts: Vec<AccountKey> = said.iter().filter_map(|verdict| account(verdict).cloned()).collect();
    holding(connection, &pages, &accounts)
}

/// Those that hold for one of these pages, and those that hold for all pages about one of these accounts.
pub fn holding(
    connection: &mut Connection,
    pages: &[String],
    accounts: &[AccountKey],
) -> Result<Vec<Verdict>, StoreError> {
    let mut found = Vec::new();
    let step = "look up verdicts";
    let pages: Vec<Value> = pages.iter().map(|page| page.as_str().into()).collect();
    load::in_lists(connection, statements::VERDICTS_ON_PAGES, &[], &pages, step, |row| {
        found.push(verdict(row)?);
        Ok(())
    })?;
    for (network, natives) in by_network(accounts) {
        let first = [codec::network_no(network).into()];
        load::in_lists(connection, statements::VERDICTS_EVERYWHERE, &first, &natives, step, |row| {
            let verdict = verdict(row)?;
            // Ids of posts may be the same.
            found.extend(account(&verdict).is_some().then_some(verdict));
            Ok(())
        })?;
    }
    found.sort_by_key(|verdict| verdict.id);
    found.dedup_by_key(|verdict| verdict.id);
    Ok(found)
}

/// Up to `limit` verdicts that were said before this one, newest first, each with whether others contradict
/// it.
pub fn before(
    connection: &mut Connection,
    (at, id): (Timestamp, VerdictId),
    limit: u32,
) -> Result<Vec<(Verdict, bool)>, StoreError> {
    let values = [at.0.into(), at.0.into(), id.to_string().as_str().into(), i64::from(limit).into()];
    let listed = connection.list(statements::VERDICTS_BEFORE, &values, "list verdicts", verdict)?;
    let beside = beside(connection, &listed)?;
    let everywhere: Vec<AccountKey> = listed
        .iter()
        .filter(|verdict| verdict.page.is_none())
        .filter_map(|verdict| account(verdict).cloned())
        .collect();
    let mut artists: HashSet<AccountKey> = HashSet::new();
    for (network, natives) in by_network(&everywhere) {
        let first = [codec::network_no(network).into()];
        let step = "look up verdicts";
        load::in_lists(connection, statements::ARTISTS_SOMEWHERE, &first, &natives, step, |row| {
            artists.insert(AccountKey { network, native: row.string(0)? });
            Ok(())
        })?;
    }
    let is_contradicted = |verdict: &Verdict| {
        let by_an_artist =
            verdict.page.is_none() && account(verdict).is_some_and(|key| artists.contains(key));
        by_an_artist || beside.iter().any(|other| verdict.contradicts(other))
    };
    let judged = listed.into_iter().map(|verdict| {
        let is_contradicted = is_contradicted(&verdict);
        (verdict, is_contradicted)
    });
    Ok(judged.collect())
}

fn by_network(accounts: &[AccountKey]) -> Vec<(Network, Vec<Value>)> {
    load::by_network(accounts.iter().map(|key| (key.network, key.native.as_str())))
}

/// What is counted against [`MAX_PER_PAGE`].
fn about(verdict: &Verdict) -> String {
    match (&verdict.page, &verdict.claim) {
        (Some(page), _) => page.clone(),
        (None, Claim::Account { account, .. }) => account.to_string(),
        (None, Claim::Picture { post, .. }) => post.to_string(),
    }
}

fn account(verdict: &Verdict) -> Option<&AccountKey> {
    match &verdict.claim {
        Claim::Account { account, .. } => Some(account),
        Claim::Picture { .. } => None,
    }
}

fn values(verdict: &Verdict) -> Vec<Value> {
    let (network, native, position) = match &verdict.claim {
        Claim::Account { account, .. } => (account.network, &account.native, 0),
        Claim::Picture { post, image, .. } => (post.network, &post.native, i64::from(image.unwrap_or(0))),
    };
    vec![
        verdict.id.to_string().as_str().into(),
        codec::verdict_kind_no(verdict.claim.kind()).into(),
        codec::network_no(network).into(),
        native.as_str().into(),
        position.into(),
        verdict.handle.as_str().into(),
        verdict.page.as_deref().unwrap_or_default().into(),
        verdict.who.as_str().into(),
        verdict.at.0.into(),
        verdict.why.as_str().into(),
    ]
}

fn verdict(row: &Row<'_>) -> Result<Verdict, StoreError> {
    let (network, native) = (row.number(2)?, row.string(3)?);
    let image = Some(codec::small(row.number(4)?)?).filter(|image| *image > 0);
    let claim = match codec::verdict_kind_of(row.number(1)?)? {
        kind @ (Kind::NotArtist | Kind::Artist) => {
            Claim::Account { account: codec::account_key(network, native)?, is_artists: kind == Kind::Artist }
        }
        kind @ (Kind::Different | Kind::Same) => {
            Claim::Picture { post: codec::post_key(network, native)?, image, is_same: kind == Kind::Same }
        }
    };
    Ok(Verdict {
        id: codec::verdict_id(&row.string(0)?)?,
        claim,
        handle: row.string(5)?,
        page: Some(row.string(6)?).filter(|page| !page.is_empty()),
        who: row.string(7)?,
        at: Timestamp(row.number(8)?),
        why: row.string(9)?,
    })
}

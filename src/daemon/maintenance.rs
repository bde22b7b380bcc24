//! Updates, cursor resets and retries; and final answers to webhooks, where there are any.

use std::sync::Arc;

use crate::api;
use crate::base::roles::Stage;
use crate::daemon::outgoing::{fetch_through, keep_resolving};
use crate::fetch::NetworkWatch;
use crate::ipc::container::{ContainerContext, ContainerError};
use crate::stages::container::{WorkerSpec, run};
use crate::stages::delivery::{self, Deliveries, Receiver, WritePost};
use crate::stages::maintenance::Maintenance;

/// Receivers that can be told at the same time; a slow one holds up one of them.
const DELIVERY_WORKERS: usize = 2;

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    let mut specs = vec![WorkerSpec::new(&[Stage::Maintenance], |_| Maintenance)];
    if context.settings.webhooks.is_empty() {
        // Without a worker for it, what was accepted under another configuration waits for its return.
        return run(&context, specs, &NetworkWatch::of_none(), || {});
    }
    keep_resolving(&context)?;
    let mut ways_out = Vec::new();
    let mut receivers = Vec::new();
    for webhook in &context.settings.webhooks {
        // One way out for each: receivers on this machine may differ in nothing but their port.
        let mut upstreams = context.settings.upstreams.clone();
        if let Some((host, target)) = delivery::upstream(webhook) {
            upstreams.entry(host).or_insert(target);
        }
        let http = fetch_through(&context, &upstreams)?;
        receivers.push(Receiver { webhook: webhook.clone(), fetch: Arc::clone(&http) as _ });
        ways_out.push(http);
    }
    let receivers = Arc::new(receivers);
    let credit = context.settings.credit.clone();
    let post: WritePost = Arc::new(move |post| api::feed::watched_post_json(post, credit.plain()));
    for _ in 0..DELIVERY_WORKERS {
        let (receivers, post) = (Arc::clone(&receivers), Arc::clone(&post));
        let answer = api::answers::answer_json;
        specs.push(WorkerSpec::new(&[Stage::Delivery], move |_| Deliveries { receivers, answer, post }));
    }
    // A delivery that fails is tried again for a day anyway, and some receivers are on this machine.
    run(&context, specs, &NetworkWatch::of_none(), move || ways_out.iter().for_each(|http| http.stop()))
}

//! `devenv deploy`: gates, plan, what it does, and the record.

use serde_json::json;

use crate::apply::deploy::executor::Deployer;
use crate::apply::deploy::marker;
use crate::apply::release::push::Sets;
use crate::apply::session::checkout::Checkout;
use crate::commands::context::Context;
use crate::commands::deploy::args::DeployArgs;
use crate::commands::deploy::prepare::{Deployment, place, prepare, release};
use crate::commands::release::sets::sets_of;
use crate::error::Result;
use crate::host::release::source;
use crate::plan::deploy::action::DeployPlan;
use crate::plan::deploy::cluster::Cluster;
use crate::plan::deploy::gates::{self, Asked};
use crate::plan::deploy::history;
use crate::plan::deploy::planner;
use crate::plan::deploy::secrets;
use crate::plan::deploy::stack::Stack;
use crate::plan::environment::target::Target;
use crate::plan::release::record::Happened;

/// Runs `deploy`.
pub async fn run(cx: &Context, args: &DeployArgs) -> Result<()> {
    let checkout = cx.team_checkout()?;
    let target = Target::of(&checkout.project, &args.environment)?;
    let deploy = place(&checkout, &target)?;
    let sets = sets_of(cx, &checkout, &target).await?;
    if args.approve {
        return approve(cx, &checkout, &sets, args).await;
    }
    let deployment = prepare(cx, args, &checkout, (target, &deploy), sets).await?;
    let (_, _, plan) = deployment.look().await?;
    if args.dry_run {
        return deployment.print(cx, &plan);
    }
    if plan.is_empty() && deployment.is_recorded() {
        return deployment.end(cx, &plan, "nothing to do: the cluster runs this release");
    }
    deployment.sets.trust.can_record()?;
    deployment.pass(cx).await?;
    if plan.is_empty() {
        deployment.record().await?;
        return deployment.end(cx, &plan, "nothing to do: the cluster runs this release");
    }
    let say = |text: &str| cx.screen.say(text);
    let work = deployment.carry_out(&say);
    let plan = marker::alone(&deployment.engine, &deployment.stack.name, &deployment.by, say, work).await?;
    let done = format!("✓ {} runs {}", args.environment, deployment.set);
    deployment.end(cx, &plan, &done)
}

/// Records that somebody agrees.
async fn approve(cx: &Context, checkout: &Checkout, sets: &Sets, args: &DeployArgs) -> Result<()> {
    sets.trust.can_record()?;
    let (set, digest) = release(checkout, sets, args.release.as_deref()).await?;
    let happened = Happened::Approved { environment: args.environment.clone() };
    sets.happened(&digest, happened, &source::author(&checkout.root).await?).await?;
    cx.screen.say(format!("✓ recorded: you approve {} for {}", set.commit, args.environment));
    Ok(())
}

impl Deployment<'_> {
    /// The stack with the cluster's secrets, the cluster, and what to do.
    async fn look(&self) -> Result<(Stack, Cluster, DeployPlan)> {
        let cluster = self.engine.cluster(&self.stack.name).await?;
        let stack = secrets::resolved(&self.filled, &cluster)?;
        planner::check(&stack, &cluster)?;
        let plan = planner::plan(&stack, &cluster, &self.smoke, self.tasks);
        Ok((stack, cluster, plan))
    }

    fn asked<'s>(&'s self, confirmed: &'s [String]) -> Asked<'s> {
        let gates = self.target.settings.gates.as_deref().unwrap_or_default();
        // What was deployed once may be brought back at any time.
        let gates = if self.args.rollback.is_some() { &[] } else { gates };
        Asked { environment: &self.target.name, gates, records: &self.records, confirmed, by: &self.by }
    }

    fn is_recorded(&self) -> bool {
        let newest =
            history::deployments(&self.records.all, Some(&self.target.name)).pop().and_then(|one| one.stack.cloned());
        newest.as_ref() == Some(&self.stack)
    }

    /// Passes the gates; items of the checklist that were not confirmed are asked one by one, where somebody is there.
    async fn pass(&self, cx: &Context) -> Result<()> {
        let mut confirmed = self.args.confirm.clone();
        if cx.screen.can_ask() {
            for item in gates::unconfirmed(self.asked(&self.args.confirm)) {
                if cx.screen.ask(&format!("confirmed: {item}?")) {
                    confirmed.push(item);
                }
            }
        }
        // They count also where another gate is closed: nobody is asked twice.
        for item in gates::answered(self.asked(&confirmed)) {
            let happened = Happened::Confirmed { environment: self.target.name.clone(), item };
            self.sets.happened(&self.set, happened, &self.by).await?;
        }
        gates::pass(self.asked(&confirmed))
    }

    /// Looks again, now that no other deployment goes on, and does what is left.
    async fn carry_out(&self, say: &(dyn Fn(&str) + Sync)) -> Result<DeployPlan> {
        let (stack, cluster, plan) = self.look().await?;
        let login = self.sets.login.as_ref();
        let deployer = Deployer { engine: &self.engine, stack: &stack, cluster: &cluster, login, tell: say };
        if let Err(error) = deployer.carry_out(&plan).await {
            let why = error.to_string().lines().next().unwrap_or_default().to_owned();
            let happened = Happened::DeploymentFailed { environment: self.target.name.clone(), why };
            let recorded = self.sets.happened(&self.set, happened, &self.by).await;
            return Err(match recorded {
                Ok(()) => error,
                Err(lost) => error.hint(format!("it is not recorded: {lost}")),
            });
        }
        self.record().await.map(|()| plan)
    }

    async fn record(&self) -> Result<()> {
        let environment = self.target.name.clone();
        let rollback = self.args.rollback.is_some();
        let happened = Happened::Deployed { environment, rollback, stack: Box::new(self.stack.clone()) };
        let recorded = self.sets.happened(&self.set, happened, &self.by).await;
        recorded.map_err(|error| error.hint("the release runs, and is not recorded: run the command again"))
    }

    fn print(&self, cx: &Context, plan: &DeployPlan) -> Result<()> {
        if self.args.json {
            self.json(cx, plan);
            return Ok(());
        }
        for closed in gates::closed(self.asked(&self.args.confirm)) {
            cx.screen.say(format!("{closed}: nothing would be deployed"));
        }
        for line in gates::doubted(self.asked(&self.args.confirm)) {
            cx.screen.say(line);
        }
        if plan.is_empty() {
            cx.screen.say("nothing to do: the cluster runs this release");
        } else {
            cx.screen.data(plan.to_string());
        }
        Ok(())
    }

    fn json(&self, cx: &Context, plan: &DeployPlan) {
        let gates = gates::states(self.asked(&self.args.confirm));
        cx.screen
            .json(&json!({"environment": self.target.name, "set": self.set, "gates": gates, "steps": plan.json()}));
    }

    fn end(&self, cx: &Context, plan: &DeployPlan, text: &str) -> Result<()> {
        if self.args.json {
            self.json(cx, plan);
        } else {
            cx.screen.say(text);
        }
        Ok(())
    }
}

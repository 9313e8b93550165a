//! Faults of the edges of a body: cycles, joins that can never complete, steps that nothing leads to.

use std::collections::{BTreeMap, BTreeSet};

use victor_workflow_protocol::Join;

use super::Node;

/// For each branch the choices under which a step can be reached: others exclude it. A branch that is not there says
/// nothing.
type Choices = BTreeMap<usize, BTreeSet<usize>>;

/// Reports faults, each with the place of the step and the field.
pub(super) fn check(nodes: &[Node], mut fault: impl FnMut(usize, &str, String)) {
    let order = match order(nodes) {
        Ok(order) => order,
        Err(cycle) => {
            let first = cycle.first().copied().unwrap_or_default();
            let cycle = cycle.iter().chain(cycle.first());
            let names: Vec<_> = cycle.map(|index| &*nodes[*index].id).collect();
            let message = format!(
                "the steps {} are a cycle without a bound: put them into a loop with `max`",
                names.join(" → ")
            );
            return fault(first, "after", message);
        }
    };
    let mut before: Vec<Vec<(usize, bool)>> = vec![Vec::new(); nodes.len()];
    for (from, node) in nodes.iter().enumerate() {
        for edge in &node.next {
            before[edge.to].push((from, edge.is_choice));
        }
    }
    // None where nothing leads.
    let mut reached: Vec<Option<Choices>> = vec![None; nodes.len()];
    for index in order {
        let edges = before[index].iter().map(|(from, is_choice)| {
            let mut choices = reached[*from].clone()?;
            if *is_choice
                && choices
                    .insert(*from, [index].into())
                    .is_some_and(|old| !old.contains(&index))
            {
                return None;
            }
            Some(choices)
        });
        let edges: Vec<_> = edges.collect();
        let alive: Vec<_> = edges.iter().flatten().cloned().collect();
        if edges.is_empty() {
            reached[index] = Some(Choices::new());
        } else if alive.is_empty() {
            let message = format!(
                "nothing leads to step `{}`: the steps before it never run",
                nodes[index].id
            );
            fault(index, "after", message);
        } else {
            match together(&nodes[index], edges.len(), &alive) {
                Ok(choices) => reached[index] = Some(choices),
                Err(message) => fault(index, "join", message),
            }
        }
    }
}

/// The choices under which a join completes.
fn together(node: &Node, edges: usize, alive: &[Choices]) -> Result<Choices, String> {
    let wanted = match node.join {
        Join::All => edges,
        Join::AtLeast(count) => count as usize,
        _ => 1,
    };
    if wanted == 0 || wanted > edges {
        return Err(format!(
            "the join of step `{}` waits for {wanted} of its {edges} edges: choose a number from 1 to {edges}",
            node.id
        ));
    }
    // Under a choice of one branch, so many edges can be alive at once.
    let branches: BTreeSet<_> = alive.iter().flat_map(BTreeMap::keys).collect();
    let most = branches.iter().map(|branch| {
        let choices: BTreeSet<_> = alive
            .iter()
            .filter_map(|edge| edge.get(branch))
            .flatten()
            .collect();
        let under = |choice| {
            let may = |edge: &&Choices| {
                edge.get(branch)
                    .is_none_or(|choices| choices.contains(choice))
            };
            alive.iter().filter(may).count()
        };
        choices.into_iter().map(under).max().unwrap_or(alive.len())
    });
    let most = most.min().unwrap_or(alive.len()).min(alive.len());
    if wanted > most {
        return Err(format!(
            "the join of step `{}` can never complete: it waits for {wanted} edges, and at most {most} can be alive at \
             once; use `join: merge` where a branch goes one way or the other",
            node.id
        ));
    }
    let mut choices = Choices::new();
    if matches!(node.join, Join::All) {
        for (branch, allowed) in alive.iter().flatten() {
            let old = choices.entry(*branch).or_insert_with(|| allowed.clone());
            old.retain(|choice| allowed.contains(choice));
        }
    } else {
        for branch in branches {
            let each = alive.iter().map(|edge| edge.get(branch));
            if let Some(sets) = each.collect::<Option<Vec<_>>>() {
                choices.insert(*branch, sets.into_iter().flatten().copied().collect());
            }
        }
    }
    Ok(choices)
}

/// The steps in an order in which each comes after those before it, or a cycle.
fn order(nodes: &[Node]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing: Vec<_> = nodes.iter().map(|node| node.edges).collect();
    let mut order: Vec<_> = (0..nodes.len())
        .filter(|index| missing[*index] == 0)
        .collect();
    let mut done = 0;
    while let Some(index) = order.get(done).copied() {
        done += 1;
        for edge in &nodes[index].next {
            missing[edge.to] -= 1;
            if missing[edge.to] == 0 {
                order.push(edge.to);
            }
        }
    }
    if order.len() == nodes.len() {
        return Ok(order);
    }
    // Whoever goes back from a step that is left comes to one that is left, and so into a cycle.
    let left = |index: usize| missing[index] > 0;
    let before = |to: usize| {
        let leads =
            |from: &usize| left(*from) && nodes[*from].next.iter().any(|edge| edge.to == to);
        (0..nodes.len()).find(leads).unwrap_or(to)
    };
    let mut trail = Vec::new();
    let mut at = (0..nodes.len())
        .find(|index| left(*index))
        .unwrap_or_default();
    while !trail.contains(&at) {
        trail.push(at);
        at = before(at);
    }
    let start = trail
        .iter()
        .position(|index| *index == at)
        .unwrap_or_default();
    let mut cycle = trail.split_off(start);
    cycle.reverse();
    let first = (0..cycle.len())
        .min_by_key(|place| cycle[*place])
        .unwrap_or_default();
    cycle.rotate_left(first);
    Err(cycle)
}

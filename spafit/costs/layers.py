"""Embeddings, layers and head written onto tapes, with what the stratification trains in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spafit.costs.attention import attention
from spafit.costs.modules import Modules, Step
from spafit.costs.replay import Totals, replay
from spafit.costs.tape import FULL, Storage, Value
from spafit.models.anatomy import Anatomy, Tensor
from spafit.models.families import BY_KEY
from spafit.plan import decide, decide_by_recipe
from spafit.stratification import LoraSettings, Recipe, Role, Stratification


def layer(
    anatomy: Anatomy, index: int, recipe: Recipe, lora: LoraSettings, step: Step, below: Totals, positions_grad: bool
) -> Totals:
    """Return what the layer at ``index`` (0-based) costs under a recipe.

    Args:
        below: the totals of the row below, which say in what precision its output comes and whether it needs a
            gradient.
        positions_grad: whether a table of relative positions that all layers share trains.
    """
    decisions = {tensor: decide_by_recipe(tensor, recipe, lora) for tensor in anatomy.layers[index]}
    row = Modules(anatomy, step, lora.rank, decisions, f"{anatomy.layers_path}.{index}.")
    entry = _entry(row, below)
    return replay(row.tape, entry, write_layer(row, entry, positions_grad))


def _entry(row: Modules, below: Totals) -> Value:
    count = row.step.tokens * row.anatomy.hidden_size
    return row.tape.input(count, grad=below.output_grad, width=below.output_width)


def _outside(anatomy: Anatomy, tensors: Sequence[Tensor], strat: Stratification, step: Step) -> Modules:
    return Modules(anatomy, step, strat.lora.rank, {tensor: decide(tensor, strat) for tensor in tensors})


def embeddings(anatomy: Anatomy, stratification: Stratification, step: Step) -> Totals:
    """Return what the embeddings cost: look-ups, their sum, norm, dropout and projection."""
    own = [t for t in anatomy.embeddings if not t.name.startswith(BY_KEY[anatomy.family].blueprint.shared_positions)]
    row = _outside(anatomy, own, stratification, step)
    tape, plan = row.tape, row.blueprint
    entry = tape.input(step.tokens, grad=False, width=8)  # token numbers, int64
    x: Value | None = None
    for tensor, decision in row.decisions.items():
        if tensor.roles == (Role.NORM,) or tensor.module == plan.projection:
            continue
        texts = 1 if "position" in tensor.name else step.batch  # positions are the same in every text
        looked_up = tape.operation(
            entry,
            count=texts * step.length * tensor.shape[1],
            width=FULL,
            keep=(entry,),
            parameters=decision.trained * tensor.size,
        )
        if plan.project_after == "words" and x is None:
            looked_up = row.optional(looked_up, plan.projection)
        x = looked_up if x is None else tape.add(x, looked_up)
    assert x is not None  # every family looks words up
    if plan.project_after == "sum":
        x = row.optional(x, plan.projection)
    for path in row.of(Role.NORM):
        x = row.norm(x, path, step.tokens)
    x = tape.dropout(x, plan.embedding_dropout)
    if plan.project_after == "dropout":
        x = row.optional(x, plan.projection)
    totals = replay(tape, entry, x)
    shared = (t for t in anatomy.embeddings if t not in row.decisions)
    return replace(
        totals, gradients=totals.gradients + FULL * sum(t.size for t in shared if decide(t, stratification).trained)
    )


def head(anatomy: Anatomy, stratification: Stratification, step: Step, below: Totals) -> Totals:
    """Return what the head costs: final norm, pooler, classifier and loss."""
    row = _outside(anatomy, anatomy.head, stratification, step)
    tape, tokenwise = row.tape, row.blueprint.classifies_tokens
    entry = x = _entry(row, below)
    inner = [path for path, tensors in row.tensors.items() if not tensors[0].final_norm]
    for path in row.tensors.keys() - set(inner):
        x = row.norm(x, path, step.tokens)
    if not tokenwise:
        x = tape.view(x, step.batch * anatomy.hidden_size)
    for path in inner:
        if path in row.of(Role.NORM):
            x = row.norm(x, path, step.batch)
            continue
        if path != inner[0] or path == "classifier.dense":
            x = tape.dropout(x, row.blueprint.hidden_dropout and not tokenwise)
        x = row.linear(x, path)
        if row.tensors[path][0].label_axis is None and not tokenwise:
            x = tape.pointwise(x, keep_input=False, keep_output=True)
    logits = tape.view(x, step.batch * anatomy.num_labels)
    labels = Storage(step.batch * 8)
    chances = tape.operation(logits, count=logits.count, width=FULL, keep_output=True)
    return replay(tape, entry, tape.operation(chances, count=1, width=FULL, keep=(labels,), keep_output=True))


def write_layer(row: Modules, x: Value, positions_grad: bool) -> Value:
    """Write both blocks with their norms and residual sums; return the layer's output."""
    plan, tape, tokens = row.blueprint, row.tape, row.step.tokens
    variables: list[Value] = []  # what the layer's own code holds until its end
    entry = x
    for index, norm in enumerate((plan.attention_norm, plan.ffn_norm)):
        given = row.norm(entry if plan.parallel else x, norm, tokens) if plan.pre_norm else x
        y = attention(row, given, positions_grad) if index == 0 else feed_forward(row, given, variables)
        tape.hold(given)
        if plan.output_norms:
            y = row.norm(y, plan.output_norms[index], tokens)
        dropout = plan.hidden_dropout and (index == 1 or plan.attention_output_dropout)
        y = tape.dropout(y, dropout)
        x = tape.add(y, x)
        if not plan.pre_norm:
            x = row.norm(x, norm, tokens)
            tape.hold(y)
        tape.hold(*variables)
    return x


def feed_forward(row: Modules, x: Value, variables: list[Value]) -> Value:
    """Write the feed-forward block, gated or not."""
    tape, inner = row.tape, row.of(Role.FFN_IN)
    (out,) = row.of(Role.FFN_OUT)
    if len(inner) == 2:
        gate, up = (row.linear(x, path) for path in inner)
        return row.linear(tape.multiply(activation(row, gate), up), out)
    hidden = row.linear(x, inner[0])
    if row.anatomy.gated_ffn:
        first = tape.view(hidden, hidden.count // 2)
        gate = tape.view(hidden, hidden.count // 2)
        return row.linear(tape.multiply(activation(row, first), gate), out)
    bent = activation(row, hidden)
    if row.blueprint.holds_activation:
        variables.append(bent)
    return row.linear(bent, out)


def activation(row: Modules, x: Value) -> Value:
    """Write the non-linear function of the feed-forward block."""
    tape = row.tape
    if row.blueprint.activation == "relu":
        return tape.pointwise(x, keep_input=False, keep_output=True)
    if row.blueprint.activation != "gelu_new":
        return tape.pointwise(x)
    inner = tape.scale(tape.add(x, tape.scale(tape.pointwise(x))))  # 0.5 x (1 + tanh(c (x + d x^3)))
    bent = tape.pointwise(inner, keep_input=False, keep_output=True)
    return tape.multiply(tape.scale(x), tape.scale(bent))

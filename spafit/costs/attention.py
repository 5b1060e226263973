"""Attention written onto a tape: PyTorch's fused and unfused code, and that of families with their own."""

from __future__ import annotations

from spafit.costs.modules import Modules
from spafit.costs.tape import FULL, HALF, Storage, Tape, Value
from spafit.stratification import Role


def attention(row: Modules, x: Value, positions_grad: bool) -> Value:
    """Write the attention block up to and with its output matrix."""
    tape, anatomy, plan = row.tape, row.anatomy, row.blueprint
    (out,) = row.of(Role.ATTENTION_OUTPUT)
    tokens, wide = row.step.tokens, row.anatomy.num_heads * row.anatomy.head_dim
    if plan.eager == "deberta":
        return row.linear(_disentangled(row, x, positions_grad), out)
    if anatomy.fused_qkv:
        fused = row.linear(x, row.of(Role.QUERY)[0])
        q, k, v = (tape.view(fused, fused.count // 3) for _ in range(3))
    else:
        query, key, value = (row.of(role)[0] for role in (Role.QUERY, Role.KEY, Role.VALUE))
        q, k, v = (row.linear(x, path) for path in (query, key, value))
    if plan.scaled_query:
        q = tape.scale(q)
    for path in row.of(Role.NORM):
        if path.endswith("q_norm"):
            q = row.norm(q, path, tokens * anatomy.num_heads)
        elif path.endswith("k_norm"):
            k = row.norm(k, path, tokens * anatomy.num_kv_heads)
    if plan.rotary:
        q, k = _rotary(tape, q), _rotary(tape, k)
    if anatomy.num_kv_heads < anatomy.num_heads:
        k, v = tape.copy(k, tokens * wide), tape.copy(v, tokens * wide)
    v = tape.copy(v) if plan.heads_first else v
    result = _attend(row, q, k, v)
    result = tape.copy(result) if plan.heads_first else result
    tape.hold(q, k, v)
    return row.linear(result, out)


def _rotary(tape: Tape, x: Value) -> Value:
    return tape.cast(tape.add(tape.scale(x), tape.scale(tape.copy(x))), x.width)


def _attend(row: Modules, q: Value, k: Value, v: Value) -> Value:
    """softmax(q k^T) v, by PyTorch's fused kernel where it is used, else one operation after the other.

    The fused kernel keeps q, k, v, the output and one number per row of scores (Dao et al. 2022); the CPU's takes
    no dropout, so that models with dropout on their attention weights keep them three times there.
    """
    tape, plan, step = row.tape, row.blueprint, row.step
    heads, length, width = row.anatomy.num_heads, step.length, row.anatomy.head_dim
    scores = step.batch * heads * length * length
    if plan.eager is None and (step.device == "cuda" or not plan.attention_dropout):
        return _fused(row, q, k, v, scores)
    given = v.width
    full = plan.eager is None  # PyTorch's own unfused attention computes in fp32
    mask = tape.operation(count=step.tokens * length if full else 0, width=FULL)  # padding, turned into numbers to add
    if full:
        q, k, v = tape.scale(tape.cast(q, FULL)), tape.scale(tape.cast(k, FULL)), tape.cast(v, FULL)
    weights = tape.matmul(tape.copy(q), tape.copy(k), count=scores, inner=width, full=full)
    if not full:
        weights = tape.scale(weights)
    if plan.eager == "mpnet":
        weights = tape.cast(weights, FULL)  # the padding mask that is added is fp32
    if plan.eager == "gemma2":
        weights = tape.scale(tape.pointwise(tape.scale(weights), keep_input=False, keep_output=True))
        weights = tape.cast(tape.softmax(tape.cast(weights, FULL)), given)
    else:
        weights = tape.dropout(tape.softmax(weights), plan.attention_dropout)
    result = tape.matmul(weights, tape.copy(v), count=step.tokens * heads * width, inner=length, full=full)
    tape.hold(q, mask)
    return tape.copy(tape.cast(result, given))


def _fused(row: Modules, q: Value, k: Value, v: Value, scores: int) -> Value:
    tape, step = row.tape, row.step
    heads, width = row.anatomy.num_heads, row.anatomy.head_dim
    narrow = HALF if step.half else FULL
    q, k, v = (tape.cast(value, narrow) for value in (q, k, v))
    product = 2 * scores * width
    tape.forward_flops += 2 * product
    weights_grad = q.grad or k.grad
    tape.backward_flops += product * (q.grad + k.grad + v.grad + weights_grad)
    sums = Storage(step.tokens * heads * FULL)
    mask = Storage(step.tokens * step.length * narrow)  # made anew in every layer from which tokens are padding
    count = step.tokens * heads * width
    return tape.operation(q, k, v, count=count, width=narrow, keep=(q, k, v, sums, mask), keep_output=True)


def _disentangled(row: Modules, x: Value, positions_grad: bool) -> Value:
    """DeBERTa's attention: content to content, content to position and position to content (He et al. 2021)."""
    tape, step, anatomy = row.tape, row.step, row.anatomy
    heads, length, width = anatomy.num_heads, step.length, anatomy.head_dim
    scores = step.batch * heads * length * length
    paths = [f"attention.self.{name}_proj" for name in ("query", "key", "value")]
    q, k, v = (tape.copy(row.linear(x, path)) for path in paths)
    weights = tape.matmul(q, tape.scale(k), count=scores, inner=width)
    table = next((t for t in anatomy.embeddings if t.name.endswith("rel_embeddings.weight")), None)
    if table is not None:
        shared = tape.dropout(tape.input(table.size, grad=positions_grad))
        total: Value | None = None
        for side, path in _sides(row, q, k):
            projected = tape.copy(row.linear(shared, path, again=path in paths))
            repeated = tape.copy(projected, projected.count * step.batch)
            span = table.shape[0]
            against = tape.matmul(side, repeated, count=step.batch * heads * length * span, inner=width)
            index = Storage(length * length * 8)
            picked = tape.scale(tape.operation(against, count=scores, width=against.width, keep=(index, against)))
            total = picked if total is None else tape.add(total, picked)
        weights = weights if total is None else tape.add(weights, total)
    padding = Storage(step.tokens * length)
    weights = tape.operation(weights, count=scores, width=weights.width, keep=(padding,))
    weights = tape.dropout(tape.softmax(weights))
    return tape.copy(tape.matmul(weights, v, count=step.tokens * heads * width, inner=length))


def _sides(row: Modules, q: Value, k: Value) -> list[tuple[Value, str]]:
    """Content to position, and position to content: what is multiplied by positions, and the module they go through.

    Models that share the content's matrices (DeBERTa-v3) have both sides.
    """
    own = [path for path in row.tensors if "self.pos_" in path]
    if not own:
        return [(q, "attention.self.key_proj"), (k, "attention.self.query_proj")]
    return [(q if "pos_key" in path else k, path) for path in own]

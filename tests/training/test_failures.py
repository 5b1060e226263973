"""Running out of memory becomes advice that fits the settings; other errors stay what they are."""

import pytest

from spafit.training.failures import TrainingFailed, diverged, out_of_memory_as_a_sentence


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
@pytest.mark.parametrize(
    "batch_size, max_length, accumulation, advice",
    [
        (16, 128, 1, "batch size 8 with accumulation 2"),
        (3, 128, 2, "batch size 1 with accumulation 6"),
        (1, 128, 4, "max length of 64"),
        (1, 16, 1, "smaller model"),
    ],
)
def test_the_advice_fits_the_settings(error, batch_size, max_length, accumulation, advice):
    with (
        pytest.raises(TrainingFailed, match=advice) as caught,
        out_of_memory_as_a_sentence(batch_size, max_length, accumulation),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_other_errors_pass_through():
    with pytest.raises(RuntimeError, match="shape"), out_of_memory_as_a_sentence(16, 128, 1):
        raise RuntimeError("shape mismatch")


def test_divergence_names_step_and_rate_and_what_to_try():
    far = str(diverged(7, 1e6, usual=0.001))
    assert far.startswith("Training diverged: the loss at step 7")
    assert "1e+06" in far and "try 0.001, the default" in far
    assert "try 0.0003." in str(diverged(7, 0.003, usual=0.003))  # at the default already: lower than that

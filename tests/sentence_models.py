"""A tiny sentence model with random weights, as `transformers` saves them."""

import string
from pathlib import Path

import torch

WORDS = ("red", "blue", "green", "circle", "square", "star", "large", "small", "top", "left", "right", "a", "the")
HAN = "左上右下角一个大小的红蓝绿色圆形正方星"


def make_model(folder: Path, seed: int = 0, dim: int = 16) -> Path:
    """A BERT of one layer that knows some words, letters and Han characters. returns: its folder."""
    from transformers import BertConfig, BertModel, BertTokenizer

    letters = string.ascii_lowercase + string.digits
    pieces = [*letters, *(f"##{letter}" for letter in letters), *WORDS, *HAN]
    vocabulary = list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]))
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=dim,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=dim,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
    return folder

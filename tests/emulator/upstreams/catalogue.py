"""The models Workers AI has, as its pricing page and catalogue of autumn 2026 show them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["chat", "guard", "embed", "rerank", "image", "transcribe", "speak"]
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class CatalogueModel:
    """One model; a price or a context that was not found is null."""

    id: str
    kind: Kind
    in_usd_per_mtok: Decimal | None = None
    out_usd_per_mtok: Decimal | None = None
    context: int | None = None
    traits: frozenset[str] = frozenset()

    def cost_usd(self, tokens_in: int, tokens_out: int) -> Decimal | None:
        """What a call costs; null where the model has no token price."""
        if self.in_usd_per_mtok is None:
            return None
        out = self.out_usd_per_mtok or Decimal(0)
        return (self.in_usd_per_mtok * tokens_in + out * tokens_out) / MILLION


# id | kind | $ in per M | $ out per M | context | traits
# traits: openai (answers in the OpenAI shape also natively), reasoning, think (says so in its text), vision,
# lora, licence (wants to be agreed to), deprecated, multipart (takes a form), bytes (takes or gives bytes, not base64)
TABLE = """
@cf/meta/llama-3.1-8b-instruct | chat | .282 | .827 | | deprecated
@cf/meta/llama-3.1-8b-instruct-fp8 | chat | .152 | .287 | |
@cf/meta/llama-3.1-8b-instruct-fp8-fast | chat | .045 | .384 | |
@cf/meta/llama-3.1-8b-instruct-fast | chat | | | |
@cf/meta/llama-3.2-1b-instruct | chat | .027 | .201 | |
@cf/meta/llama-3.2-3b-instruct | chat | .051 | .335 | |
@cf/meta/llama-3.2-11b-vision-instruct | chat | .049 | .676 | 128000 | vision lora licence
@cf/meta/llama-3.3-70b-instruct-fp8-fast | chat | .293 | 2.253 | 24000 |
@cf/meta/llama-4-scout-17b-16e-instruct | chat | .270 | .850 | 131000 | vision
@cf/meta/llama-guard-3-8b | guard | .484 | .030 | |
@cf/openai/gpt-oss-120b | chat | .350 | .750 | 128000 | openai reasoning
@cf/openai/gpt-oss-20b | chat | .200 | .300 | 128000 | openai reasoning
@cf/mistralai/mistral-small-3.1-24b-instruct | chat | .351 | .555 | 128000 |
@cf/mistral/mistral-7b-instruct-v0.1 | chat | .110 | .190 | | deprecated
@cf/mistral/mistral-7b-instruct-v0.2-lora | chat | | | 15000 | lora
@cf/meta-llama/llama-2-7b-chat-hf-lora | chat | | | | lora
@cf/google/gemma-7b-it-lora | chat | | | 3500 | lora
@cf/google/gemma-2b-it-lora | chat | | | | lora
@cf/google/gemma-3-12b-it | chat | .345 | .556 | | deprecated
@cf/google/gemma-4-26b-a4b-it | chat | .100 | .300 | 256000 | openai vision reasoning
@cf/qwen/qwq-32b | chat | .660 | 1.000 | | think
@cf/qwen/qwen2.5-coder-32b-instruct | chat | .660 | 1.000 | 32768 | lora
@cf/qwen/qwen3-30b-a3b-fp8 | chat | .051 | .335 | |
@cf/qwen/qwen3.8-27b | chat | .450 | 3.200 | | vision
@cf/ibm-granite/granite-4.0-h-micro | chat | .017 | .112 | |
@cf/zai-org/glm-4.7-flash | chat | .060 | .400 | 131000 | openai reasoning
@cf/zai-org/glm-5.2 | chat | 1.400 | 4.400 | | openai reasoning
@cf/zai-org/glm-5.3 | chat | 1.400 | 4.400 | | openai reasoning
@cf/zai-org/glm-5.3-flash | chat | .150 | .500 | 1310000 | openai reasoning vision
@cf/deepseek-ai/deepseek-v4-flash-0731 | chat | .440 | 1.320 | | openai
@cf/deepseek-ai/deepseek-v4-pro-0813 | chat | 1.320 | 3.960 | | openai
@cf/deepseek-ai/deepseek-r1-distill-qwen-32b | chat | .497 | 4.881 | | think
@cf/nvidia/nemotron-3-120b-a12b | chat | .500 | 1.500 | 256000 | openai reasoning
@cf/moonshotai/kimi-k2.5 | chat | .600 | 3.000 | | openai deprecated
@cf/moonshotai/kimi-k2.6 | chat | .950 | 4.000 | 262000 | openai
@cf/moonshotai/kimi-k2.7-code | chat | .950 | 4.000 | 262000 | openai
@cf/baai/bge-small-en-v1.5 | embed | .020 | | |
@cf/baai/bge-base-en-v1.5 | embed | .067 | | |
@cf/baai/bge-large-en-v1.5 | embed | .204 | | |
@cf/baai/bge-m3 | embed | .012 | | |
@cf/qwen/qwen3-embedding-0.6b | embed | .012 | | |
@cf/baai/bge-reranker-base | rerank | .003 | | |
@cf/black-forest-labs/flux-1-schnell | image | | | |
@cf/black-forest-labs/flux-2-dev | image | | | | multipart
@cf/black-forest-labs/flux-2-klein-4b | image | | | | multipart
@cf/black-forest-labs/flux-2-klein-9b | image | | | | multipart
@cf/openai/whisper | transcribe | | | | bytes
@cf/openai/whisper-large-v3-turbo | transcribe | | | |
@cf/deepgram/nova-3 | transcribe | | | | bytes
@cf/myshell-ai/melotts | speak | | | |
@cf/deepgram/aura-1 | speak | | | | bytes
@cf/deepgram/aura-2-en | speak | | | | bytes
@cf/deepgram/aura-2-es | speak | | | | bytes
"""


def _read(line: str) -> CatalogueModel:
    name, kind, price_in, price_out, context, traits = (cell.strip() for cell in line.split("|"))
    return CatalogueModel(
        name,
        kind,  # type: ignore[arg-type]
        Decimal(price_in) if price_in else None,
        Decimal(price_out) if price_out else None,
        int(context) if context else None,
        frozenset(traits.split()),
    )


WORKERS_AI = {model.id: model for model in map(_read, TABLE.strip().splitlines())}
ALIASES = {"@cf/moonshotai/kimi-k2.5": "@cf/moonshotai/kimi-k2.6"}  # since 2026-05-30

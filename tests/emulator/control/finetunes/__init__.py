"""LoRA adapters (finetunes) of Workers AI."""

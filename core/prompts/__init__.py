"""From tasks to prompts, and from what a model wrote to programs."""

from core.prompts.format import PromptFormat, program_text, prompt_format

__all__ = ["PromptFormat", "program_text", "prompt_format"]

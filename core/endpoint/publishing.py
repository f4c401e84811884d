"""Handing the server each new checkpoint, where the served model is the student itself.

What was looked up (November 2026). vLLM loads an adapter under a name of its own through
/v1/load_lora_adapter when started with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, and
reads a whole checkpoint through its development route /collective_rpc (VLLM_SERVER_DEV_MODE=1);
what it remembers of prompts is void then. SGLang has /load_lora_adapter (with --enable-lora), asks
for an adapter as MODEL:NAME, and /update_weights_from_disk. `transformers serve` loads whatever
folder a request names as its model; /reset drops those loaded before. The folder is read by the
server: it must see the same path.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from core.endpoint.client import Client, Refused, TryAgain
from core.errors import CoreError

_HINTS = {
    "vllm-lora": "start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True",
    "vllm-weights": "start vLLM with VLLM_SERVER_DEV_MODE=1",
    "sglang-lora": "start SGLang with --enable-lora and room in --max-loaded-loras",
    "sglang-weights": "look into SGLang's own log",
    "transformers-folder": "start transformers serve without a model of its own",
}


async def publish(client: Client, folder: Path, version: int, old: str | None) -> str:
    """Makes the server answer with the weights in `folder`; the name to ask for them by.

    `old` is what was named so before, and is unloaded where it was an adapter. Raises CoreError.
    """
    config = client.config
    path = str(folder.resolve())
    root = config.base_url.rstrip("/").removesuffix("/v1")
    if config.publish == "vllm-weights":
        reload = {"method": "reload_weights", "kwargs": {"weights_path": path}}
        await _post(client, f"{root}/collective_rpc", reload)
        await _post(client, f"{root}/reset_prefix_cache", {})
        return config.model
    if config.publish == "sglang-weights":
        body = {"model_path": path, "weight_version": str(version)}
        await _post(client, f"{root}/update_weights_from_disk", body)
        return config.model
    if config.publish == "transformers-folder":
        await _post(client, f"{root}/reset", {})
        return path
    api = f"{root}/v1" if config.publish == "vllm-lora" else root
    # Runs that share a server must not share a name.
    name = f"btp-{hashlib.sha256(path.encode()).hexdigest()[:8]}-v{version}"
    adapter = name if config.publish == "vllm-lora" else f"{config.model}:{name}"
    await _unload(client, api, name)  # what an earlier try of this run may have left there
    await _post(client, f"{api}/load_lora_adapter", {"lora_name": name, "lora_path": path})
    if old is not None and old != adapter:
        await _unload(client, api, old.rpartition(":")[2])
    return adapter


async def _unload(client: Client, api: str, name: str) -> None:
    """Unloads an adapter, if it is there; what is left over the server drops when it must."""
    try:
        await client.post(f"{api}/unload_lora_adapter", {"lora_name": name})
    except (CoreError, Refused, TryAgain):
        return


async def _post(client: Client, url: str, body: dict[str, Any]) -> None:
    """Calls a control route; raises CoreError unless the server says that it did what was asked."""
    hint = _HINTS[client.config.publish]
    try:
        problem = client.secret.hide(_problem(await client.post(url, body)))
    except (Refused, TryAgain) as error:
        problem = str(error)
    if problem:
        raise CoreError(
            f"The server could not be handed the new weights at {url} ({problem.rstrip('.')}): "
            f"{hint}, and let it see the run's folder."
        )


def _problem(answer: str) -> str:
    """What went wrong by an answer that was sent as a success; SGLang says so within."""
    try:
        found = json.loads(answer)
    except ValueError:
        return ""  # vLLM answers in plain words
    if not isinstance(found, dict) or found.get("success", True):
        return ""
    return str(found.get("message") or found.get("error_message") or "it gives no reason")

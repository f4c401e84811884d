"""What runs inside the sandboxed processes: standard library only, loaded by a bare interpreter.

The package is imported twice under two names: as `core.executor.sandbox` by the supervisor (which
shares its wire format) and as `sandbox` by the processes it starts. Nothing in it may import from
outside itself.
"""

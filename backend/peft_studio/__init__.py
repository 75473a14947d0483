"""PEFT Studio's backend service.

``main.py`` beside this package starts it; :func:`peft_studio.app.create_app` builds it.
"""

__version__ = "0.1.0"

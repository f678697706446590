"""The settings: flags, then the environment, then one TOML file, then defaults; read once, at the edge."""

from jobs.settings.errors import Problem, SettingsError
from jobs.settings.load import Loaded, Origin, load
from jobs.settings.model import Settings
from jobs.settings.windows import WindowSetting

__all__ = ["Loaded", "Origin", "Problem", "Settings", "SettingsError", "WindowSetting", "load"]

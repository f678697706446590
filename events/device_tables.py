"""What names of devices, systems and programs tell of the kind of device: tables, read by `events.device`."""

import re
from typing import Final

YAUAA_CLASSES: Final = {
    "Desktop": "desktop",
    "Phone": "phone",
    "Mobile": "phone",
    "Tablet": "tablet",
    "eReader": "tablet",
    "TV": "tv",
    "Set-top box": "tv",
    "Watch": "watch",
    "Robot": "robot",
    "Robot Mobile": "robot",
    "Robot Imitator": "robot",
    "Game Console": "other",
    "Handheld Game Console": "other",
    "Home Appliance": "other",
    "Augmented Reality": "other",
    "Virtual Reality": "other",
    "Voice": "other",
    "Car": "other",
    "Cloud": "other",
    "Spy": "other",
    "Hacker": "other",
}
"""YAUAA's `deviceClass`; its `Unknown`, `Unclassified` and `Anonymized` tell nothing and are left out."""

PLATFORMS: Final = {"mob": "phone", "tv": "tv"}
"""The tracker's `platform`, the last resort."""

FAMILIES: Final = {
    "Spider": "robot",
    "iPhone": "phone",
    "iPod": "phone",
    "iOS-Device": "phone",
    "Generic Smartphone": "phone",
    "Generic Feature Phone": "phone",
    "iPad": "tablet",
    "Kindle": "tablet",
    "Generic Tablet": "tablet",
    "AppleTV": "tv",
    "Chromecast": "tv",
    "Roku": "tv",
    "Apple Watch": "watch",
    "Mac": "desktop",
}
"""ua-parser's device families that tell by themselves."""

SYSTEMS: Final = {
    "iOS": "phone",
    "Windows Phone": "phone",
    "Windows Mobile": "phone",
    "BlackBerry OS": "phone",
    "Symbian OS": "phone",
    "KaiOS": "phone",
    "Firefox OS": "phone",
    "WatchOS": "watch",
    "watchOS": "watch",
    "Wear OS": "watch",
    "tvOS": "tv",
    "ATV OS X": "tv",
    "Web0S": "tv",
    "Roku": "tv",
    "Chromecast": "tv",
    "Chromecast Linux": "tv",
    "Chromecast Android": "tv",
    "Mac OS X": "desktop",
    "Mac OS": "desktop",
    "Linux": "desktop",
    "Chrome OS": "desktop",
    "Ubuntu": "desktop",
    "Debian": "desktop",
    "Fedora": "desktop",
    "FreeBSD": "desktop",
    "OpenBSD": "desktop",
}
"""ua-parser's system families; all that begin with `Windows` and are not here are desktops. Android is told
by the user agent: see `events.device`."""

PROGRAMS: Final = frozenset(
    {
        "curl",
        "Wget",
        "Python Requests",
        "Python-urllib",
        "Python aiohttp",
        "python-httpx",
        "Go-http-client",
        "HeadlessChrome",
        "PhantomJS",
        "axios",
        "node-fetch",
        "libwww-perl",
        "Apache-HttpClient",
        "Scrapy",
    }
)
"""ua-parser's user-agent families of programs that nobody looks at."""

TELEVISION: Final = re.compile(
    r"smart-?tv|hbbtv|apple ?tv|google ?tv|android tv|bravia|\bAFT[A-Z]+\b|crkey|roku|web0s|netcast|viera",
    re.IGNORECASE,
)
"""Words of a user agent or a family that mean a television; Android on a television calls itself Android
only."""

WATCH: Final = re.compile(r"apple watch|\bSM-R[789]\d\d|galaxy watch|wear ?os", re.IGNORECASE)

ANDROID: Final = re.compile(r"\bandroid\b", re.IGNORECASE)
MOBILE: Final = re.compile(r"\bmobile\b", re.IGNORECASE)
"""Browsers on Android phones say it, those on tablets do not."""

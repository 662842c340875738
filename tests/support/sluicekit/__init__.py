"""What end-to-end tests, the demo and the bench stand on: real registries, images, a proxy, and sluice itself.

Only the standard library. Everything that starts something is a context manager and leaves nothing behind, also when
the process that uses it is killed. Ports are free ones; any number of tests run side by side.
"""

from .case import E2eCase, content, pipeline, skopeo_raw, wrote
from .hostile import HostileServer, Reply
from .images import Artifact, Image, Index, Layer, app_image, index_of, random_image
from .killing_proxy import KillingProxy
from .nginx import TlsFront
from .proxy import Proxy, critical_path, read_log
from .registry import PASSWORD, USER, Registry
from .registry_client import RegistryClient, RegistryError
from .sluice import Outcome, Sluice, binary, helper
from .tls import Certificates
from .token_server import TokenServer
from .tools import need, skip

__all__ = [
    "Artifact", "Certificates", "E2eCase", "HostileServer", "Image", "Index", "KillingProxy", "Layer", "Outcome",
    "PASSWORD", "Proxy", "Registry", "RegistryClient", "RegistryError", "Reply", "Sluice", "TlsFront", "TokenServer", "USER", "app_image",
    "binary", "content", "critical_path", "helper", "index_of", "need", "pipeline", "random_image", "read_log", "skip",
    "skopeo_raw", "wrote",
]

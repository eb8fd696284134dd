"""Which store serves a URL: those of obstore, with credentials from where the tools of each cloud look for them."""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from ..format.errors import UsageError
from ..format.extras import how_to_install
from .object_errors import named, without_secrets

# A range of 8 MiB takes longer than obstore's 30 s on a line of 2 Mbit/s of which seven others use a part.
CLIENT: Final = {"timeout": timedelta(minutes=10), "connect_timeout": timedelta(seconds=10)}
# What passes, as a 503 while a bucket is scaled, is over by then; obstore's own limit is three minutes.
RETRIES: Final = {
    "max_retries": 6,
    "retry_timeout": timedelta(minutes=1),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=10), "base": 2},
}
Settings = dict[str, Any]


def obstore_for(url: str) -> Any:
    """The module `obstore.store`. Raises UsageError, which names the extra, where it is not installed."""
    try:
        return importlib.import_module("obstore.store")
    except ImportError:
        scheme = url.partition("://")[0].lower()
        text = f"{scheme}:// is read with obstore, which is not installed: {how_to_install('remote')}"
        raise UsageError(f"{without_secrets(url)}: {text}") from None


def s3_object(url: str) -> tuple[Any, str]:
    """The store and key of `s3://BUCKET/KEY`.

    Credentials, region and endpoint come from the environment, the profile in `~/.aws` (all kinds of them where boto3
    is installed, else keys alone), or what the machine runs on.
    """
    bucket, key = bucket_and_key(url)
    settings, profile = s3_settings()
    provider = None
    if not any(os.environ.get(f"AWS_{each}") for each in _AWS_OTHERS):
        provider = _boto3_credentials(_environment()) if profile else None
        if provider is None and "aws_access_key_id" in profile:
            names = ("access_key_id", "secret_access_key", "session_token")
            settings |= {name: profile[f"aws_{name}"] for name in names if f"aws_{name}" in profile}
    return _made("S3Store", url, bucket, settings, provider), key


_GCS_OF_TENSORSTORE: Final = "TENSORSTORE_GCS_HTTP_URL"  # where it finds Google's server


def kvstore_of(url: str) -> Settings:
    """tensorstore's specification of a store of what is below a URL of S3 or GCS, which ends in /.

    It finds its credentials as the tools of the cloud do; region and endpoint are those that obstore is given.
    Raises UsageError for any other place.
    """
    scheme = url.partition("://")[0].lower()
    if scheme in ("gs", "gcs"):
        bucket, key = bucket_and_key(url)
        if (host := os.environ.get("STORAGE_EMULATOR_HOST")) and not os.environ.get(_GCS_OF_TENSORSTORE):
            text = "the arrays of orbax are read by tensorstore, which asks Google whatever STORAGE_EMULATOR_HOST says"
            raise UsageError(f"{without_secrets(url)}: {text}; set {_GCS_OF_TENSORSTORE}={host} too")
        return {"driver": "gcs", "bucket": bucket, "path": key}
    if scheme not in ("s3", "s3a"):
        text = "orbax folders are read from disks, s3:// and gs://; copy the folder to one of these"
        raise UsageError(f"{without_secrets(url)}: {text}")
    bucket, key = bucket_and_key(url)
    settings, _ = s3_settings()
    names = {"region": "aws_region", "endpoint": "endpoint"}
    spec = {"driver": "s3", "bucket": bucket, "path": key, **{names[each]: settings[each] for each in settings}}
    known = "anonymous" if is_open("AWS") else "environment" if os.environ.get("AWS_ACCESS_KEY_ID") else None
    return {**spec, "aws_credentials": {"type": known}} if known else spec


def is_open(cloud: str) -> bool:
    """Whether requests to AWS or GOOGLE are not to be signed."""
    return os.environ.get(f"{cloud}_SKIP_SIGNATURE", "").lower() in ("true", "1")


def s3_settings() -> tuple[Settings, Mapping[str, str]]:
    """Region and endpoint, and the profile."""
    settings: Settings = {}
    profile = _aws_profile()
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or profile.get("region")
    endpoint = next(filter(None, (os.environ.get(f"AWS_ENDPOINT_URL{each}") for each in ("_S3", ""))), None)
    if region:
        settings["region"] = region
    if endpoint := endpoint or profile.get("endpoint_url"):
        settings["endpoint"] = endpoint
    return settings, profile


_AWS_OTHERS: Final = (  # what goes before a profile
    "ACCESS_KEY_ID",
    "SKIP_SIGNATURE",
    "WEB_IDENTITY_TOKEN_FILE",
    "CONTAINER_CREDENTIALS_RELATIVE_URI",
    "CONTAINER_CREDENTIALS_FULL_URI",
)


def _aws_profile() -> Mapping[str, str]:
    """What the files in `~/.aws` say of the profile that is chosen; an empty dict where there is none."""
    import configparser  # here, as few need it

    name = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
    found: dict[str, str] = {}
    for variable, file, section in (
        ("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
    ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(os.path.expanduser(os.environ.get(variable) or f"~/.aws/{file}"))
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
        if parser.has_section(section):
            found |= parser.items(section)
    return found


@functools.lru_cache(8)
def _boto3_credentials(environment: Any) -> Any:
    """Where obstore gets the credentials of a profile from, of whatever kind; None without boto3."""
    try:
        session = importlib.import_module("boto3").Session()
        credentials = importlib.import_module("obstore.auth.boto3").Boto3CredentialProvider
        return credentials(session) if session.get_credentials() is not None else None
    except ImportError:
        return None


def gcs_object(url: str) -> tuple[Any, str]:
    """The store and key of `gs://BUCKET/KEY`; credentials are Google's application default ones."""
    bucket, key = bucket_and_key(url)
    settings: Settings = {}
    if address := google_emulator():
        account = {"gcs_base_url": address, "disable_oauth": True, "client_email": "", "private_key": ""}
        settings = {"service_account_key": json.dumps(account | {"private_key_id": ""}), "skip_signature": True}
    return _made("GCSStore", url, bucket, settings), key


def google_emulator() -> str | None:
    """The address of the emulator of GCS that the environment names."""
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    return emulator if not emulator or "://" in emulator else f"http://{emulator}"


def azure_object(url: str) -> tuple[Any, str]:
    """The store and key of `az://CONTAINER/KEY`, or `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY`.

    The account is that of the URL, or of the environment, in whichever of the names that Azure's tools read.
    """
    place, key = bucket_and_key(url)
    container, _, host = place.rpartition("@")
    settings = _azure_connection(os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    for variable, name in (("AZURE_STORAGE_ACCOUNT", "account_name"), ("AZURE_STORAGE_KEY", "account_key")):
        if (value := os.environ.get(variable)) and name not in settings:
            settings[name] = value
    if container:
        settings["account_name"] = host.partition(".")[0]
    return _made("AzureStore", url, container or host, settings), key


_AZURITE: Final = "devstoreaccount1"  # the account of the emulator, and its key, which Microsoft publishes
_AZURITE_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def _azure_connection(text: str) -> Settings:
    """The settings of a connection string, as `AccountName=...;AccountKey=...`."""
    pairs = (part.partition("=") for part in text.split(";"))
    fields = {name.strip(): value for name, _, value in pairs}
    if fields.get("UseDevelopmentStorage", "").lower() == "true":
        address = f"http://127.0.0.1:10000/{_AZURITE}"
        return {"account_name": _AZURITE, "account_key": _AZURITE_KEY, "endpoint": address}
    names = {
        "AccountName": "account_name",
        "AccountKey": "account_key",
        "SharedAccessSignature": "sas_key",
        "BlobEndpoint": "endpoint",
    }
    return {name: fields[field] for field, name in names.items() if fields.get(field)}


def bucket_and_key(url: str) -> tuple[str, str]:
    """Raises UsageError for a URL without either."""
    bucket, _, key = url.partition("://")[2].partition("/")
    if not bucket:
        form = f"{url.partition('://')[0]}://BUCKET/KEY"
        raise UsageError(f"{without_secrets(url)} does not name a bucket and a key; write {form}")
    return bucket, key


def _made(kind: str, url: str, bucket: str, settings: Settings, provider: Any = None) -> Any:
    obstore_for(url)
    with named(without_secrets(url)):
        return _store(kind, bucket, tuple(settings.items()), _environment(), provider)


def _environment() -> tuple[tuple[str, str], ...]:
    """What the stores read of the environment by themselves."""
    return tuple(sorted(each for each in os.environ.items() if each[0].upper().startswith(_VARIABLES)))


_VARIABLES: Final = ("AWS_", "GOOGLE_", "AZURE_", "AZURITE_", "HTTP", "NO_PROXY", "HOME")


@functools.lru_cache(64)
def _store(kind: str, bucket: str, settings: tuple[tuple[str, Any], ...], environment: Any, provider: Any) -> Any:
    """A store, the same one for the same settings, so that its connections and credentials are used again."""
    config = dict(settings)
    address = str(config.get("endpoint") or dict(environment).get("AZURE_STORAGE_ENDPOINT", ""))
    client = {**CLIENT, "allow_http": address.lower().startswith("http://") or "service_account_key" in config}
    given: Settings = {"config": config, "client_options": client, "retry_config": RETRIES}
    if provider is not None:
        given["credential_provider"] = provider
    return getattr(importlib.import_module("obstore.store"), kind)(bucket, **given)

"""The one configuration file, and the only reader of the environment."""

from __future__ import annotations

import os
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from bridge.domain.credit_class import Terms
from bridge.domain.deployment import Expectations
from bridge.domain.peers import Peer
from bridge.domain.signing import CURVE_ORDER, RemoteKey, is_private, plain_address
from bridge.domain.values import Address, RegistryCode, faults
from bridge.domain.watching import Compliance, Mail, Webhook
from bridge.errors import UsageError
from bridge.registry.cad_trust.place import CadTrust
from bridge.registry.desk.rules import DeskRules
from bridge.registry.rules import GateRules
from bridge.registry.statements.j_credit import Format

FILE_NAME = "carbonbridge.toml"
KEY_VARIABLE = "CARBONBRIDGE_KEY_"

KeyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Chain(_Section):
    """`finality`: blocks of depth that no reorg is expected to reach, or the chain's own tag. `max_fee_gwei`: the most
    that is ever offered for a unit of gas. `replace_after_seconds`: by the chain's clock, how long a transaction waits
    before more is offered for its nonce."""

    rpc: str = Field(pattern=r"^https?://")
    finality: Annotated[int, Field(ge=0)] | Literal["finalized"] = Field(default="finalized")
    max_fee_gwei: int = Field(default=500, gt=0)
    replace_after_seconds: int = Field(default=180, gt=0)


class Contract(_Section):
    """`policy`: the contract that freezes accounts, where the deployment was made with one; with `allow_list` it also
    says who takes units. `timelock`: the contract
    that owns the others or is to own them, and the `multisig` that steers it."""

    chain_id: int = Field(gt=0)
    address: Address
    lens: Address
    first_block: int = Field(ge=0)
    policy: Address | None = None
    allow_list: bool = False
    timelock: Address | None = None
    multisig: Address | None = None


class Database(_Section):
    url: str

    @property
    def file(self) -> Path | None:
        """Of an SQLite database; None for one that is none, or lives in memory."""
        scheme, _, place = self.url.partition(":///")
        return Path(place) if scheme.startswith("sqlite") and place and place != ":memory:" else None


class RegistryPlace(Database):
    """The registry's own database, or the address of its service. `ca`: whom to trust for the service's certificate,
    instead of the system's authorities. `answer_seconds`: how long one answer may take."""

    ca: Path | None = None
    answer_seconds: float = Field(default=30, gt=0, le=3600)

    @property
    def is_remote(self) -> bool:
        return self.url.startswith(("http:", "https:"))

    @model_validator(mode="after")
    def _is_safe(self) -> RegistryPlace:
        if not self.is_remote:
            if self.ca:
                raise ValueError("ca is for a registry's service, at https://…")
            return self
        if not is_private(plain_address(self.url)):
            raise ValueError(
                "http only reaches a registry on this machine; a token would travel in the clear: use https"
            )
        return self


class Programme(_Section):
    """A registry's attesters, by key name, or by address where another process has the keys; and the terms that its
    classes copy. With a `desk` or `cad_trust` its own registry is another: one where officers act by hand, or CAD
    Trust. `gate` says what may be locked; `categories`, what its credits are traded as, where that is a fixed list."""

    threshold: int = Field(ge=1)
    attesters: tuple[str, ...] = Field(min_length=1)
    terms: Terms
    desk: DeskRules | None = None
    cad_trust: CadTrust | None = None
    gate: GateRules = GateRules()
    categories: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_registry(self) -> Programme:
        if self.desk and self.cad_trust:
            raise ValueError("a programme's own registry is one: a desk or cad_trust, not both")
        return self


class KeyPlace(StrEnum):
    """Where a key lives."""

    ENVIRONMENT = "environment"
    SIGNER = "signer"
    FILE = "file"


class OtherDeployment(_Section):
    """Another contract, on the same chain or another, that compliance reads beside the one of this configuration."""

    chain: Chain
    contract: Contract


class Settings(_Section):
    """`folder` is where the file lies; relative paths in it start there. `formats` says how registries spell serials
    whose spelling is not public. `deployments`, by any name: what compliance reads beside `contract`."""

    folder: Path
    chain: Chain
    journal: Database
    registry: RegistryPlace
    programmes: dict[RegistryCode, Programme] = {}
    formats: dict[RegistryCode, Format] = {}
    signers: dict[KeyName, RemoteKey] = {}
    contract: Contract | None = None
    deployments: dict[KeyName, OtherDeployment] = {}
    compliance: Compliance = Compliance()

    def key_path(self, name: str) -> Path:
        """The keystore file of a named key."""
        return self.folder / "keys" / f"{name}.json"

    def key_names(self) -> list[str]:
        """Of all keys, wherever they live."""
        files = {path.stem for path in (self.folder / "keys").glob("*.json")}
        return sorted(files | self.signers.keys() | set(environment_keys()))

    def key_place(self, name: str) -> KeyPlace:
        """The one place of a key; its file's where there is none yet. Raises UsageError when there are two: they may
        hold different keys, and nobody would see which one signs."""
        path, places = self.key_path(name), {}
        if name in environment_keys():
            places[KeyPlace.ENVIRONMENT] = f"the variable {_variable(KEY_VARIABLE, name)}"
        if name in self.signers:
            places[KeyPlace.SIGNER] = f"[signers.{name}] of {self.folder / FILE_NAME}"
        if path.exists():
            places[KeyPlace.FILE] = f"the file {path}"
        if len(places) > 1:
            raise UsageError(f"key {name} lives in more than one place: {' and '.join(places.values())}; keep one")
        return next(iter(places), KeyPlace.FILE)

    def deployed(self) -> Contract:
        """Raises UsageError before a contract is deployed."""
        if self.contract is None:
            raise UsageError(f"{FILE_NAME} names no contract; run: carbonbridge operator deploy")
        return self.contract


def config_path() -> Path:
    """CARBONBRIDGE_CONFIG, or the file in this folder."""
    return Path(os.environ.get("CARBONBRIDGE_CONFIG", FILE_NAME)).resolve()


def load(path: Path | None = None) -> Settings:
    """Raises UsageError that names the file, the entry and what is wrong with it."""
    path = path or config_path()
    if not path.exists():
        raise UsageError(f"no configuration at {path}; make one with: carbonbridge init")
    raw = _read_toml(path)
    if "folder" in raw:
        raise UsageError(f"{path}: folder: it is where the file lies, and cannot be named in it")
    try:
        settings = Settings(folder=path.parent, **raw)
    except ValidationError as error:
        raise _wrong_entry(path, error) from error
    return _with_absolute_places(settings)


def expectations(path: Path) -> Expectations:
    """What a deployment ought to be, from a file. Raises UsageError as `load` does."""
    try:
        return Expectations(**_read_toml(path))
    except ValidationError as error:
        raise _wrong_entry(path, error) from error


def peer(path: Path) -> Peer:
    """Another bridge's contract, from a mapping file. Raises UsageError as `load` does."""
    try:
        return Peer(**_read_toml(path))
    except ValidationError as error:
        raise _wrong_entry(path, error) from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: byte {error.start} is no letter") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _wrong_entry(path: Path, error: ValidationError) -> UsageError:
    return UsageError(f"{path}: {faults(error, 'file')}")


def password(key_name: str) -> str | None:
    """A key's password from CARBONBRIDGE_PASSWORD_<NAME>_FILE or CARBONBRIDGE_PASSWORD_FILE, else the variable
    CARBONBRIDGE_PASSWORD. None when nothing is set; then the command asks. Never an argument."""
    own = _variable("CARBONBRIDGE_PASSWORD_", key_name) + "_FILE"
    file = os.environ.get(own) or os.environ.get("CARBONBRIDGE_PASSWORD_FILE")
    return _secret("password", file) if file else os.environ.get("CARBONBRIDGE_PASSWORD")


def signer_token(key_name: str) -> str | None:
    """What a key's signer knows us by, from the file that CARBONBRIDGE_SIGNER_TOKEN_<NAME>_FILE names; None without."""
    file = os.environ.get(_variable("CARBONBRIDGE_SIGNER_TOKEN_", key_name) + "_FILE")
    return _bearer(file) if file else None


def _bearer(file: str) -> str:
    token = _secret("token", file)
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", token):
        raise UsageError(f"token file {file} holds no bearer token: one line of letters, digits and ._~+/=-")
    return token


def alert_secret(channel: str, file: Path) -> str:
    """What a channel's messages are signed or sent with: the one line of its file, which is its owner's alone. The
    variable CARBONBRIDGE_ALERT_SECRET_<NAME>_FILE names another one. It is never shown."""
    place = Path(os.environ.get(_variable("CARBONBRIDGE_ALERT_SECRET_", channel) + "_FILE") or file)
    secret = _secret("secret", str(place))
    if place.stat().st_mode & 0o077:
        raise UsageError(f"secret file {place} can be read by others; run: chmod 600 {place}")
    if not secret or "\n" in secret:
        raise UsageError(f"secret file {place} holds no secret: one line")
    return secret


def cad_trust_key(code: RegistryCode) -> str | None:
    """The x-api-key of a programme's node, from the file that CARBONBRIDGE_CAD_TRUST_KEY_<CODE>_FILE names; None
    without."""
    file = os.environ.get(_variable("CARBONBRIDGE_CAD_TRUST_KEY_", code) + "_FILE")
    if not file:
        return None
    key = _secret("key", file)
    if not re.fullmatch(r"[!-~]{1,256}", key):
        raise UsageError(f"key file {file} holds no x-api-key: one line of letters and signs without blanks")
    return key


def registry_token() -> str | None:
    """What the registry's service knows us by, from the file that CARBONBRIDGE_REGISTRY_TOKEN_FILE names; None
    without."""
    file = os.environ.get("CARBONBRIDGE_REGISTRY_TOKEN_FILE")
    return _bearer(file) if file else None


def environment_keys() -> list[str]:
    """The names of the keys that CARBONBRIDGE_KEY_<NAME> gives: for tests and CI only, where nothing is at stake."""
    given = (name.removeprefix(KEY_VARIABLE) for name in os.environ if name.startswith(KEY_VARIABLE))
    return sorted(name.lower().replace("_", "-") for name in given if re.fullmatch("[A-Z0-9][A-Z0-9_]{0,31}", name))


def environment_key(name: str) -> bytes:
    """Raises UsageError, which never shows what stands there, when it is no private key."""
    variable = _variable(KEY_VARIABLE, name)
    text = os.environ[variable].removeprefix("0x")
    if not re.fullmatch("[0-9a-fA-F]{64}", text) or not 0 < int(text, 16) < CURVE_ORDER:
        raise UsageError(
            f"{variable} holds no private key: 0x and 64 hex digits, a number of secp256k1's. It is not shown"
        )
    return bytes.fromhex(text)


def _variable(prefix: str, key_name: str) -> str:
    return prefix + key_name.upper().replace("-", "_")


def _secret(what: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise UsageError(f"{what} file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{what} file {file} is not UTF-8") from error


def debugging() -> bool:
    """Whether CARBONBRIDGE_DEBUG asks for the trace of an error that nobody foresaw."""
    return bool(os.environ.get("CARBONBRIDGE_DEBUG"))


def language() -> Literal["en", "ja"]:
    """Japanese where the locale says so."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return "ja" if locale.startswith("ja") else "en"


def _with_absolute_places(settings: Settings) -> Settings:
    def absolute(database: Database) -> Database:
        scheme, _, place = database.url.partition(":///")
        if scheme == "sqlite" and not place.startswith("/"):
            return Database(url=f"sqlite:///{settings.folder / place}")
        return database

    def with_ca(place: RegistryPlace) -> RegistryPlace:
        ca = settings.folder / place.ca if place.ca else None
        return place.model_copy(update={"url": absolute(place).url, "ca": ca})

    def with_files(key: RemoteKey) -> RemoteKey:
        files = {"ca": key.ca, "certificate": key.certificate, "certificate_key": key.certificate_key}
        return key.model_copy(update={name: settings.folder / file for name, file in files.items() if file})

    def with_secrets(compliance: Compliance) -> Compliance:
        def placed(channel: Webhook | Mail) -> Any:
            files = {name: getattr(channel, name, None) for name in ("secret_file", "password_file", "ca")}
            return channel.model_copy(update={name: settings.folder / file for name, file in files.items() if file})

        alerts = compliance.alerts
        webhooks = {name: placed(one) for name, one in alerts.webhooks.items()}
        mails = {name: placed(one) for name, one in alerts.mails.items()}
        url = absolute(Database(url=compliance.url)).url
        told = alerts.model_copy(update={"webhooks": webhooks, "mails": mails})
        return compliance.model_copy(update={"url": url, "alerts": told})

    def with_folder(programme: Programme) -> Programme:
        elsewhere = {"desk": programme.desk, "cad_trust": programme.cad_trust}
        placed = {
            name: one.model_copy(update={"evidence": settings.folder / one.evidence})
            for name, one in elsewhere.items()
            if one is not None
        }
        return programme.model_copy(update=placed)

    return settings.model_copy(
        update={
            "programmes": {code: with_folder(programme) for code, programme in settings.programmes.items()},
            "journal": absolute(settings.journal),
            "registry": with_ca(settings.registry),
            "compliance": with_secrets(settings.compliance),
            "signers": {name: with_files(key) for name, key in settings.signers.items()},
        }
    )

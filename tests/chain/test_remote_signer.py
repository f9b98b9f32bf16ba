"""Remote signers over the wire: bounded, not followed elsewhere, and end to end beside keys of one's own."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bridge.bootstrap import embedded_registry
from bridge.chain.connection import Connection
from bridge.chain.contract import BridgeContract
from bridge.chain.deploy import deploy
from bridge.chain.local import fund
from bridge.chain.signers import KeySigner, RemoteSigner, Signer, recover
from bridge.chain.signers.rpc import MOST_BYTES
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Deployment, Refusal, typed_data
from bridge.domain.signing import RemoteKey, SignerKind
from bridge.domain.values import hex32
from bridge.errors import BridgeError, Halted, SignerRefused, Unreachable, UsageError
from bridge.flow.advance import advance
from bridge.flow.bridge import Bridge
from bridge.flow.lock import plan
from bridge.journal.store import open_journal
from bridge.registry.ledger import Ledger, open_ledger
from bridge.registry.port import Instruction
from tests.chain.clef import clef
from tests.chain.conftest import DatabaseAt, free_port
from tests.flow.world import DAY, FOREST, TERMS, VER, span

KEY = KeySigner((7).to_bytes(32, "big"))
HERE = Deployment(chain_id=1, contract="0x" + "11" * 20)
DOCUMENT = typed_data(HERE, [Refusal(request_id="0x" + "22" * 32, reason="no-such-account")])
ACCOUNTS = json.dumps({"jsonrpc": "2.0", "id": 1, "result": [KEY.address]}).encode()
ANVIL_ACCOUNTS = ("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8")

Act = Callable[[BaseHTTPRequestHandler], None]


class Served:
    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, Any]] = []

    def signer(self, token: str | None = None, **entries: Any) -> RemoteSigner:
        facts = {"url": self.url, "address": KEY.address, "kind": "web3signer", "answer_seconds": 10}
        return RemoteSigner("operator", RemoteKey.model_validate(facts | entries), token)


@contextmanager
def serving(act: Act, context: ssl.SSLContext | None = None) -> Iterator[Served]:
    """A signer that does as it is told, in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append(body | {"path": self.path, "token": self.headers.get("Authorization")})
            act(self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    served = Served(f"http{'s' if context else ''}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(body: bytes, status: int = 200, **headers: str) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return act


def test_the_methods_are_those_of_its_kind() -> None:
    called = {}
    with serving(answering(ACCOUNTS)) as served:
        for kind in SignerKind:
            signer = served.signer(kind=kind)
            assert signer.accounts() == [KEY.address]
            with pytest.raises(Halted):
                signer.sign(DOCUMENT)
            called[kind] = [asked["method"] for asked in served.asked[-2:]]
            assert isinstance(served.asked[-1]["params"][1], str) is (kind is SignerKind.WEB3SIGNER)
    assert called == {
        SignerKind.WEB3SIGNER: ["eth_accounts", "eth_signTypedData"],
        SignerKind.CLEF: ["account_list", "account_signTypedData"],
        SignerKind.NODE: ["eth_accounts", "eth_signTypedData_v4"],
    }


def test_a_document_travels_with_its_numbers_as_text() -> None:
    with serving(answering(ACCOUNTS)) as served, pytest.raises(Halted):
        served.signer().sign(DOCUMENT)
    document = json.loads(served.asked[0]["params"][1])
    assert document["domain"]["chainId"] == "1"
    assert document["message"]["refusals"][0]["requestId"] == "0x" + "22" * 32


def test_a_token_goes_to_the_signer_and_is_shown_to_nobody() -> None:
    with serving(answering(b"no", 401)) as served:
        signer = served.signer(token="a-secret")
        with pytest.raises(SignerRefused) as refused:
            signer.accounts()
        assert served.asked[0]["token"] == "Bearer a-secret"
        assert "a-secret" not in repr(signer) + str(refused.value)


def test_a_redirect_is_not_followed() -> None:
    def act(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/":
            answering(b"", 307, Location="/elsewhere")(handler)
        else:
            answering(ACCOUNTS)(handler)

    with serving(act) as served:
        assert served.signer(url=served.url + "/elsewhere").accounts()
        with pytest.raises(SignerRefused, match="nobody is followed"):
            served.signer(token="a-secret").accounts()
    assert [asked["path"] for asked in served.asked] == ["/elsewhere", "/"]


def test_an_answer_too_large_is_not_taken() -> None:
    padding = ACCOUNTS[:1] + b" " * MOST_BYTES + ACCOUNTS[1:]
    with serving(answering(padding)) as served, pytest.raises(SignerRefused, match="more than 2,097,152 bytes"):
        served.signer().accounts()


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            handler.wfile.write(b" " * 65_536)
            time.sleep(0.001)

    with serving(act) as served, pytest.raises(SignerRefused, match="more than 2,097,152 bytes"):
        served.signer().accounts()


def dripping(before: bytes, after: bytes) -> Act:
    """A letter each tenth of a second for five seconds, then the right answer."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(before)
        for _ in range(50):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
        handler.wfile.write(after)

    return act


@pytest.mark.parametrize(
    "act",
    [
        dripping(b"HTTP/1.0 200 OK\r\n\r\n", ACCOUNTS),
        dripping(b"HTTP/1.0 200 OK\r\nX:", b"y\r\n\r\n" + ACCOUNTS),
        dripping(b"HTTP/1.0 200 OK\r\n\r\n" + ACCOUNTS, b" "),
    ],
    ids=["in its body", "in its head", "after its end"],
)
def test_an_answer_that_comes_letter_by_letter_is_late(act: Act) -> None:
    with serving(act) as served, pytest.raises(Unreachable, match=r"did not answer in 0\.5 s; nothing was sent"):
        served.signer(answer_seconds=0.5).accounts()


def test_silence_and_half_an_answer_may_be_repeated() -> None:
    nobody = RemoteKey(url=f"http://127.0.0.1:{free_port()}", address=KEY.address, kind=SignerKind.CLEF)
    with pytest.raises(Unreachable, match="signer of key operator at http://127"):
        RemoteSigner("operator", nobody).sign(DOCUMENT)
    with serving(lambda _: None) as served, pytest.raises(Unreachable):
        served.signer().accounts()
    half = answering(ACCOUNTS[:-5], **{"Content-Length": str(len(ACCOUNTS))})
    with serving(half) as served, pytest.raises(Unreachable):
        served.signer().accounts()


# ------------------------------------------------------------------------ TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`here` for the server, `us` for the client; each vouches for itself."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("here", "us"):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
                *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
                *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "us.pem")
    context.load_cert_chain(folder / "here.pem", folder / "here.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_over_tls_each_side_shows_who_it_is(certificates: Path) -> None:
    ours = {"certificate": certificates / "us.pem", "certificate_key": certificates / "us.key"}
    with serving(answering(ACCOUNTS), server_context(certificates)) as served:
        assert served.signer(ca=certificates / "here.pem", **ours).accounts() == [KEY.address]
        with pytest.raises(Unreachable, match="its certificate is not believed"):
            served.signer(**ours).accounts()
        with pytest.raises(Unreachable):
            served.signer(ca=certificates / "here.pem").accounts()
        assert len(served.asked) == 1


def test_files_that_are_no_certificates_are_named(certificates: Path, tmp_path: Path) -> None:
    def signer(**files: Path) -> RemoteSigner:
        facts = {"url": "https://127.0.0.1:9", "address": KEY.address, "kind": "clef"}
        return RemoteSigner("operator", RemoteKey.model_validate(facts | files))

    with pytest.raises(UsageError, match=r"none\.pem: No such file"):
        signer(ca=tmp_path / "none.pem").accounts()
    with pytest.raises(UsageError, match=r"us\.key"):
        signer(certificate=certificates / "us.key", certificate_key=certificates / "us.key").accounts()
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkey", "-in", str(certificates / "us.key"), "-aes256", "-passout", "pass:word"]
    locked.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    with pytest.raises(UsageError, match="without a password"):
        signer(certificate=certificates / "us.pem", certificate_key=locked).accounts()


# ----------------------------------------------------------------- end to end


def remote(url: str, address: str, kind: SignerKind) -> RemoteSigner:
    return RemoteSigner("remote", RemoteKey(url=url, address=address, kind=kind))


class Town:
    """A bridge from nothing to its first mint; the operator's signer deploys and sets up too."""

    def __init__(self, url: str, at: DatabaseAt, operator: Signer, attesters: list[Signer]) -> None:
        self.connection = Connection.to(url, 0)
        for key in (operator, *attesters):
            fund(self.connection, key.address)
        journal = open_journal(at("operator"))
        sender = Sender(self.connection, operator, journal)
        self.contract = BridgeContract(self.connection, deploy(self.connection, sender, sender.address, ""))
        for call in (
            self.contract.add_registry("VERRA", [key.address for key in attesters], 2, TERMS),
            self.contract.set_allowance(operator.address, 10**9),
            self.contract.register_space(VER),
            self.contract.create_class(FOREST),
        ):
            sender.send_and_wait(call)
        self.ledger = Ledger(open_ledger(at("registry")), lambda: self.connection.head().timestamp)
        self.ledger.open_account("alice")
        self.ledger.add_space(VER)
        self.ledger.add_class(FOREST)
        registry = embedded_registry(self.ledger, self.contract, {"VERRA": (2, attesters)})
        self.bridge = Bridge(self.contract, registry, journal, sender)

    def order(self, first: int = 1, last: int = 100) -> str:
        """A deposit that nobody has begun yet."""
        self.ledger.issue(f"issue {first}", span(first, last), FOREST.id, "alice")
        order = Instruction(
            instruction_id=hex32(first),
            registry="VERRA",
            account="alice",
            range=span(first, last),
            deployment=self.contract.deployment,
            recipient=KEY.address,
            not_after=self.connection.head().timestamp + DAY,
        )
        self.ledger.instruct(order)
        return plan(self.bridge, order.instruction_id).lock_id

    def minted(self) -> int:
        return self.contract.balance(KEY.address, FOREST.id)


def test_what_each_signs_is_what_the_contract_reads(anvil: str) -> None:
    with clef(1) as other:
        for signer in (
            remote(anvil, ANVIL_ACCOUNTS[0], SignerKind.NODE),
            remote(other.url, other.accounts[0], SignerKind.CLEF),
        ):
            assert signer.address in signer.accounts()
            assert recover(DOCUMENT, signer.sign(DOCUMENT)) == signer.address


def test_a_refusal_of_a_real_signer_is_told(anvil: str) -> None:
    with pytest.raises(SignerRefused, match="does not sign: 'No Signer available'"):
        remote(anvil, KEY.address, SignerKind.NODE).sign(DOCUMENT)
    with clef(1) as other, pytest.raises(SignerRefused, match=r"does not sign: .KeyError"):
        remote(other.url, KEY.address, SignerKind.CLEF).sign(DOCUMENT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SignerKind.NODE, SignerKind.CLEF])
def test_a_remote_operator_and_a_remote_attester_bring_credits_to_the_chain(
    anvil: str, database: DatabaseAt, kind: SignerKind
) -> None:
    with clef(2) as other:
        url, accounts = (other.url, other.accounts) if kind is SignerKind.CLEF else (anvil, ANVIL_ACCOUNTS)
        operator, attester = (remote(url, account, kind) for account in accounts)
        town = Town(anvil, database, operator, [attester, KEY])
        lock_id = town.order()
        advance(town.bridge)
        advance(town.bridge)
        deposit = town.bridge.journal.deposit(lock_id)
        assert deposit is not None
        assert (deposit.state, town.minted()) == ("minted", 100)


class Moody:
    """A key whose holder is in a mood."""

    def __init__(self, key: Signer, mood: BridgeError | None = None) -> None:
        self._key = key
        self.mood = mood
        self.address = key.address

    def sign(self, document: Any) -> str:
        if self.mood:
            raise self.mood
        return self._key.sign(document)

    def sign_transaction(self, transaction: Any, now: int) -> Any:
        if self.mood:
            raise self.mood
        return self._key.sign_transaction(transaction, now)


@pytest.mark.slow
@pytest.mark.parametrize("mood", [SignerRefused("no"), Unreachable("silence")])
def test_an_attester_whose_signer_does_not_sign_is_one_less_of_the_quorum(
    anvil: str, database: DatabaseAt, mood: BridgeError
) -> None:
    first, *others = sorted((KeySigner(n.to_bytes(32, "big")) for n in (2, 3, 4)), key=lambda key: key.address)
    town = Town(anvil, database, KEY, [Moody(first, mood), *others])
    town.order()
    advance(town.bridge)
    assert town.minted() == 100


@pytest.mark.slow
def test_an_operator_whose_signer_lies_halts_before_anything_is_stored_and_goes_on_once_it_is_honest(
    anvil: str, database: DatabaseAt
) -> None:
    attesters: list[Signer] = [KeySigner(n.to_bytes(32, "big")) for n in (2, 3)]
    moody = Moody(KEY)
    town = Town(anvil, database, moody, attesters)
    lock_id, _ = town.order(1, 60), town.order(61, 100)
    for mood, word in ((Halted("it signed something else"), "halted"), (SignerRefused("no"), ""), (None, "")):
        moody.mood = mood
        if word:
            with pytest.raises(Halted, match="signed something else"):
                advance(town.bridge)
        else:
            advance(town.bridge)
        deposit = town.bridge.journal.deposit(lock_id)
        assert deposit is not None
        if mood is None:
            assert town.minted() == 100
        else:
            assert (deposit.state, deposit.note, town.minted()) == ("attested", str(mood), 0)
            assert town.bridge.journal.open_transactions(town.connection.chain_id) == []

"""A peer of another make, on the protocol's Python SDK: a partner that asks our server, or a vendor that our client asks."""

import asyncio
import base64
import json
import socket
import sys
import time

import httpx2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

AUDIENCE = "https://peer.example.org"
# The handshake of before, what the client finds out by itself, and the era without a handshake.
MODES = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token: str, keys: list) -> dict:
    """The claims of a token that is signed by one of the keys."""
    header, claims, signature = token.split(".")
    kid = json.loads(unb64(header))["kid"]
    key = next(one for one in keys if one["kid"] == kid)
    Ed25519PublicKey.from_public_bytes(unb64(key["x"])).verify(unb64(signature), f"{header}.{claims}".encode())
    return json.loads(unb64(claims))


async def talk(url: str, http: httpx2.AsyncClient, mode: str, tools: set) -> None:
    keys = (await http.get(f"{url.split('/api/')[0]}/.well-known/jwks.json")).json()["keys"]
    async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
        assert client.protocol_version == MODES[mode], client.protocol_version
        listed = {tool.name for tool in (await client.list_tools()).tools}
        assert listed == tools, listed

        async def call(name: str, **arguments):
            result = await client.call_tool(name, arguments)
            # What is structured comes as text too, for clients that know no better.
            assert json.loads(result.content[0].text) == result.structured_content, result
            return result

        offered = (await call("list_frameworks")).structured_content["frameworks"]
        assert any(one["key"] == "SOC2_TYPE2" and one["assessed_at"] for one in offered), offered
        nonce = f"n-{mode}"
        answer = await call("request_attestation", frameworks=["SOC2_TYPE2"], audience=AUDIENCE, nonce=nonce)
        assert not answer.is_error, answer
        token = answer.structured_content["attestation"]
        said = claims_of(token, keys)
        assert (said["aud"], said["nonce"]) == (AUDIENCE, nonce), said
        assert [one["key"] for one in said["frameworks"]] == ["SOC2_TYPE2"], said
        header, claims, signature = token.split(".")
        forged = f"{header}.{b64(json.dumps({**said, 'sub': 'somebody else'}).encode())}.{signature}"
        try:
            claims_of(forged, keys)
            raise AssertionError("the forged statement was believed")
        except InvalidSignature:
            pass
        verdict = (await call("verify_attestation", attestation=token, nonce=nonce)).structured_content
        assert verdict["valid"] is True, verdict
        verdict = (await call("verify_attestation", attestation=forged)).structured_content
        assert verdict["valid"] is False, verdict
        refused = await call("request_attestation", frameworks=["NO_SUCH"])
        assert refused.is_error, refused
        try:
            await client.call_tool("drop_tables", {})
            raise AssertionError("a tool that is not there was called")
        except MCPError as error:
            assert error.error.code == -32602, error
    print(mode, client_says(said, tools))


def client_says(said: dict, tools: set) -> str:
    return f"{len(tools)} tools, believed {said['iss']}: {said['frameworks'][0]['results']}"


async def ask(url: str, key: str, tools: set) -> None:
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
        for mode in MODES:
            await talk(url, http, mode, tools)
        # What the SDK does around its messages: a stream for what the server says first, and the end of a session.
        stream = await http.get(url, headers={"Accept": "text/event-stream"})
        assert (stream.status_code, stream.headers["allow"]) == (405, "POST, DELETE"), stream
        assert (await http.delete(url)).status_code == 204
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        accept = {"Accept": "application/json, text/event-stream"}
        wrong = await http.post(url, json=ping, headers={**accept, "Authorization": f"Bearer {key[:-1]}"})
        assert wrong.status_code == 401, wrong


def answer(forging: bool, sessions: bool) -> None:
    """Serves attestations and the key they are signed with; says at which port."""
    import uvicorn
    from mcp.server.mcpserver import MCPServer
    from starlette.responses import JSONResponse

    published, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = MCPServer("peer")

    @server.custom_route("/.well-known/jwks.json", methods=["GET"])
    async def jwks(_):
        key = {"kty": "OKP", "crv": "Ed25519", "kid": "peer", "x": b64(published.public_key().public_bytes_raw())}
        return JSONResponse({"keys": [key]})

    @server.tool()
    def request_attestation(frameworks: list[str], requested_evidence: list[str], audience: str, nonce: str) -> dict:
        now = int(time.time())
        claims = {"iss": origin, "sub": "peer", "aud": audience, "nonce": nonce, "iat": now, "exp": now + 3600,
                  "jti": "1", "frameworks": [{"key": key, "score": 80} for key in frameworks]}
        header = b64(json.dumps({"alg": "EdDSA", "kid": "peer", "typ": "JWT"}).encode())
        text = f"{header}.{b64(json.dumps(claims).encode())}"
        return {"attestation": f"{text}.{b64((other if forging else published).sign(text.encode()))}"}

    app = server.streamable_http_app(stateless_http=not sessions, json_response=not sessions)
    print(origin, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "ask":
        asyncio.run(ask(rest[0], rest[1], set(rest[2].split(","))))
    else:
        answer("forging" in rest, "sessions" in rest)

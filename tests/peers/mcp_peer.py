"""A peer of another make: a partner that asks our server, or a vendor that our client asks."""

import asyncio, base64, json, sys, time

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def ask(url: str, key: str) -> None:
    """Initializes, lists the tools, asks for an attestation and checks its signature against the published key."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(url, headers={"Authorization": f"Bearer {key}"}) as (reading, writing, _):
        async with ClientSession(reading, writing) as session:
            hello = await session.initialize()
            print("protocol", hello.protocolVersion, "server", hello.serverInfo.name)
            tools = await session.list_tools()
            print("tools", [tool.name for tool in tools.tools])
            arguments = {"frameworks": ["SOC2_TYPE2"], "audience": "https://peer.example.org", "nonce": "n-1"}
            result = await session.call_tool("request_attestation", arguments)
            assert not result.isError, result
            token = json.loads(result.content[0].text)["attestation"]
    header, claims, signature = token.split(".")
    kid = json.loads(unb64(header))["kid"]
    origin = url.split("/api/")[0]
    keys = httpx.get(f"{origin}/.well-known/jwks.json").json()["keys"]
    key = next(one for one in keys if one["kid"] == kid)
    Ed25519PublicKey.from_public_bytes(unb64(key["x"])).verify(unb64(signature), f"{header}.{claims}".encode())
    said = json.loads(unb64(claims))
    assert (said["aud"], said["nonce"]) == ("https://peer.example.org", "n-1"), said
    print("verified", said["iss"], said["frameworks"])


def answer(port: int) -> None:
    """Serves an attestation server built on the SDK, with its key at the usual place."""
    from mcp.server.fastmcp import FastMCP
    from starlette.responses import JSONResponse

    private = Ed25519PrivateKey.generate()
    server = FastMCP("peer", host="127.0.0.1", port=port)

    @server.custom_route("/.well-known/jwks.json", methods=["GET"])
    async def jwks(_):
        key = {"kty": "OKP", "crv": "Ed25519", "kid": "peer", "x": b64(private.public_key().public_bytes_raw())}
        return JSONResponse({"keys": [key]})

    @server.tool()
    def request_attestation(frameworks: list[str], requested_evidence: list[str], audience: str, nonce: str) -> dict:
        now = int(time.time())
        claims = {"iss": f"http://127.0.0.1:{port}", "sub": "peer", "aud": audience, "nonce": nonce, "iat": now,
                  "exp": now + 3600, "jti": "1", "frameworks": [{"key": key, "score": 80} for key in frameworks]}
        header = b64(json.dumps({"alg": "EdDSA", "kid": "peer", "typ": "JWT"}).encode())
        text = f"{header}.{b64(json.dumps(claims).encode())}"
        return {"attestation": f"{text}.{b64(private.sign(text.encode()))}"}

    server.run(transport="streamable-http")


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        asyncio.run(ask(sys.argv[2], sys.argv[3]))
    else:
        answer(int(sys.argv[2]))

"""Many websites, all at once."""

import asyncio

import httpx
import structlog

from scheduler import job

log = structlog.get_logger()


class SitesDown(Exception):
    """At least one site did not answer well."""


@job
async def check_all(urls: list[str], at_once: int = 10) -> dict[str, int]:
    """Ask each of `urls`, `at_once` at a time. Raises SitesDown, naming every one that is not well."""
    limit = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(timeout=10, follow_redirects=True) as client:
        troubles = await asyncio.gather(*(trouble(client, limit, url) for url in urls))
    down = {url: reason for url, reason in zip(urls, troubles, strict=True) if reason}
    if down:
        raise SitesDown(", ".join(f"{url}: {reason}" for url, reason in down.items()))
    return {"up": len(urls)}


async def trouble(client: httpx.AsyncClient, limit: asyncio.Semaphore, url: str) -> str | None:
    """What is wrong with a site, or None."""
    async with limit:
        try:
            response = await client.get(url)
        except httpx.HTTPError as error:
            log.warning("no answer", url=url, error=str(error))
            return str(error) or type(error).__name__
    log.info("answered", url=url, status=response.status_code)
    return None if response.is_success else f"status {response.status_code}"

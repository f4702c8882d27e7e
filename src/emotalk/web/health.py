"""GET /v1/health: is the service ready for the next request? Clients of Audio2Face-3D ask for /v1/health/ready."""

from fastapi import APIRouter

from emotalk.web import contract
from emotalk.web.problems import Problem, retry_after
from emotalk.web.upstream import Client
from emotalk.wire.status import RETRY_SECONDS

router = APIRouter(tags=["health"])


@router.head("/v1/health/ready", include_in_schema=False)
@router.head("/v1/health", include_in_schema=False)
@router.get("/v1/health/ready", responses=contract.list_failures(401, 421, 503))
@router.get("/v1/health", responses=contract.list_failures(401, 421, 503))
async def health(client: Client) -> dict[str, bool]:
    """Is the service ready for the next request?"""
    if not await client.health():
        later = retry_after(RETRY_SECONDS)
        raise Problem(503, "NotReady", "The service is starting or draining. Try again.", headers=later)
    return {"ready": True}

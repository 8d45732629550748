"""What the API says about flows and site files."""

from pydantic import BaseModel, Field

from callrouter.web.models import In, Instant, MaybeInstant


class SiteVersion(BaseModel):
    version: str = Field(examples=["9f3c1a2b4d5e6f70"])
    last_taken: Instant


class SiteChange(BaseModel):
    what: str = Field(description="applied, refused, unchanged, rolled_back; of a dry run: sound.")
    at: Instant
    by: str
    digest: str
    before: str
    words: list[str] = Field(description="What is different, in words; of a refused version its faults.")


class SiteState(BaseModel):
    version: str
    since: Instant
    by: str
    kept: list[SiteVersion] = Field(description="Newest first.")
    changes: list[SiteChange] = Field(description="Newest first, since the start.")


class SiteFile(BaseModel):
    name: str = Field(examples=["province.yaml"])
    size: int = Field(description="Bytes.")


class SiteBack(In):
    version: str = Field(min_length=4, max_length=64, description="Beginning of a kept version.")


class SiteTaken(BaseModel):
    """A version that came into force: calls ran on it until the next one did."""

    version: str = Field(examples=["9f3c1a2b4d5e6f70"])
    at: Instant
    by: str = Field(description="A user, a file's owner, or `start`: the controller began with it.")
    note: str = Field(description="What was different, in words.")
    flow_version: str = Field(description="As records of calls name it.")


class SiteHistory(BaseModel):
    taken: list[SiteTaken] = Field(description="The latest first.")
    next_until: MaybeInstant = Field(description="Pass it as `until` for the next page; null: no more.")


class SiteSources(BaseModel):
    version: str
    files: list[SiteFile]

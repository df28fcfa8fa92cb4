"""The life of a Logpush job. An import tells no keys, so the `up` after it sends them."""

from __future__ import annotations

from tests.faults.case import Subject
from tests.faults.provider_life import STEPS, ProviderLife
from tests.route_given import ACCOUNT

LOGPUSH = f"/accounts/{ACCOUNT}/logpush"
NAME = "inference-dev"
BUCKET_WRITE = "2efd5506f9c8494dacb1fa10a3e7d5b6"


class LogpushLife(ProviderLife):
    """A job that is edited to upload every five minutes."""

    token = "gatewright:index:LogpushJob"

    def set_up(self) -> None:
        self.past.client.post(f"/accounts/{ACCOUNT}/r2/buckets", {"name": "logs"})
        resource = f"com.cloudflare.edge.r2.bucket.{ACCOUNT}_default_logs"
        policy = {"effect": "allow", "resources": {resource: "*"}, "permission_groups": [{"id": BUCKET_WRITE}]}
        made = self.past.client.post(f"/accounts/{ACCOUNT}/tokens", {"name": "write-logs", "policies": [policy]})
        keys = {"tokenId": made["id"], "tokenValue": made["value"]}
        self.first = {"accountId": ACCOUNT, "name": NAME, "bucket": "logs", **keys}
        self.second = {**self.first, "maxUploadIntervalSeconds": 300}

    def edit_by_hand(self) -> None:
        (job,) = self.past.client.get(f"{LOGPUSH}/jobs")
        self.past.client.put(f"{LOGPUSH}/jobs/{job['id']}", {"enabled": False})

    def import_id(self) -> str:
        return f"{ACCOUNT}/{NAME}"

    def wrong(self, step: str) -> str | None:
        jobs = self.past.client.get(f"{LOGPUSH}/jobs")
        names = [job["name"] for job in jobs]
        if names != ([] if step == "destroy" else [NAME]):
            return f"the account has the jobs {names}"
        if step == "destroy":
            return None
        wanted = (step != "preview", 300 if step == "edit" else None)
        found = (jobs[0]["enabled"], jobs[0]["max_upload_interval_seconds"] or None)
        return None if found[0] == wanted[0] and (step != "edit" or found == wanted) else f"the job is {jobs[0]}"


LOGPUSH_JOB = Subject("LogpushJob", STEPS, LogpushLife.begin)

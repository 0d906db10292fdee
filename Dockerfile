# One file for run, serve and work. `docker build -t omm .` runs jobs as the user omm; for SageMaker Processing build
# the same layers with `docker build --target sagemaker -t omm:sagemaker .`, which runs as root.
#
# Why two: SageMaker runs an image as whatever user it names and offers no way to choose another. It mounts the
# inputs, outputs and /opt/ml/output over the image's folders, owned by root, so that what the image did to their
# permissions is hidden. People who added a user to their image could not write /opt/ml/processing/output there
# (aws/sagemaker-python-sdk issue 4764), and the SDK itself has to open /opt/ml/output and /tmp for images with a
# user of their own (pull request 4325). Elsewhere root is needed for nothing.

FROM python:3.12 AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
# [scripts] is what the image promises to users' scripts: pandas, boto3, requests, Pillow; numpy and pyarrow are
# there anyway. pip stays, because a script may bring its requirements.
RUN python -m venv /opt/omm \
 && /opt/omm/bin/pip install --no-cache-dir "$(ls /wheels/*.whl)[scripts]" \
 && find /opt/omm/lib -type d -regex '.*/site-packages/\(numpy\|pandas\|pyarrow\)/.*tests' -prune -exec rm -r {} +

FROM python:3.12-slim AS sagemaker
COPY --from=build /opt/omm /opt/omm
# The container is the run's own: whichever user it is started with (--user) may write the contract's folders.
RUN useradd --uid 1000 --create-home omm \
 && mkdir -p /opt/ml/processing/input /opt/ml/processing/output /opt/ml/output/metrics/cloudwatch \
 && chmod -R 0777 /opt/ml
ENV PATH=/opt/omm/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/tmp/cache \
    script_env_passthrough=AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,AWS_REGION,AWS_DEFAULT_REGION
# The line above lets scripts see the role and the region of the job: postprocessors that call AWS keep working.
WORKDIR /tmp
ENTRYPOINT ["omm"]
CMD ["run"]

FROM build AS build-server
RUN /opt/omm/bin/pip install --no-cache-dir "$(ls /wheels/*.whl)[scripts,server,postgres,alerts,otel,aws]"

# `omm serve` and `omm work` (docker-compose.yml, deploy/helm): docker build --target server -t open-model-monitor .
FROM sagemaker AS server
COPY --from=build-server /opt/omm /opt/omm
RUN mkdir /data && chown omm /data
ENV OMM_DATA=/data
USER omm
EXPOSE 8765
CMD ["serve", "--host", "0.0.0.0"]

FROM sagemaker AS omm
USER omm

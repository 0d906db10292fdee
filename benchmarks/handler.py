"""The handler of the published kind that the benchmarks call."""


def preprocess_handler(inference_record):
    line = inference_record.endpoint_output.data.rstrip("\n") + "," + inference_record.endpoint_input.data
    return {str(i).zfill(20): value for i, value in enumerate(line.split(","))}

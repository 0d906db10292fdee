"""A preprocessor of the published kind: prediction first, then the inputs, under zero-padded keys."""


def preprocess_handler(inference_record, logger):
    attributes = inference_record.event_metadata.custom_attribute
    if attributes and "test-traffic" in attributes[0]:
        logger.info("dropped test traffic: event %s", inference_record.event_metadata.event_id)
        return []
    prediction = inference_record.endpoint_output.data.rstrip("\n")
    line = f"{prediction},{inference_record.endpoint_input.data}"
    return {str(position).zfill(20): value for position, value in enumerate(line.split(","))}

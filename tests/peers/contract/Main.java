import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.util.JsonFormat;
import io.accessbroker.v1.AccessBrokerServiceGrpc;
import io.accessbroker.v1.Checksum;
import io.accessbroker.v1.IssueUploadUrlRequest;
import io.grpc.Channel;
import java.util.function.Function;

class Main {
  static final Function<Channel, AccessBrokerServiceGrpc.AccessBrokerServiceBlockingStub> CLIENT =
      AccessBrokerServiceGrpc::newBlockingStub;

  public static void main(String[] arguments) throws Exception {
    ByteString crc32 = ByteString.copyFrom(new byte[] {0, 0, 0, 1});
    IssueUploadUrlRequest request =
        IssueUploadUrlRequest.newBuilder()
            .setKey("tier 1/a")
            .setTtl(Duration.newBuilder().setSeconds(60))
            .setContentLength(5)
            .setChecksum(Checksum.newBuilder().setCrc32(crc32))
            .putMetadata("n", "v")
            .build();
    System.out.println(JsonFormat.printer().print(request));
  }
}

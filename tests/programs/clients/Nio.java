import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/** A java.nio Selector loop without a timeout. Arguments: host port get|put. */
public class Nio {
    public static void main(String[] args) {
        try {
            System.out.println("ok: " + talk(new InetSocketAddress(args[0], Integer.parseInt(args[1])), args[2].equals("put")));
        } catch (IOException error) {
            boolean timeout = String.valueOf(error.getMessage()).contains("timed out");
            System.out.println("error: " + error.getClass().getSimpleName() + " timeout=" + timeout + " " + error.getMessage());
            System.exit(3);
        }
    }

    private static String talk(InetSocketAddress address, boolean put) throws IOException {
        ByteBuffer out = put ? ByteBuffer.allocate(32 << 20) : ByteBuffer.wrap("please\n".getBytes());
        ByteBuffer in = ByteBuffer.allocate(65536);
        var answer = new StringBuilder();
        try (var selector = Selector.open(); var channel = SocketChannel.open()) {
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_CONNECT);
            channel.connect(address);
            while (true) {
                selector.select();
                var key = selector.selectedKeys().iterator().next();
                selector.selectedKeys().clear();
                if (key.isConnectable()) {
                    channel.finishConnect();
                    key.interestOps(SelectionKey.OP_WRITE);
                } else if (key.isWritable()) {
                    channel.write(out);
                    if (!out.hasRemaining()) {
                        if (put) {
                            return "sent";
                        }
                        key.interestOps(SelectionKey.OP_READ);
                    }
                } else if (key.isReadable()) {
                    in.clear();
                    int count = channel.read(in);
                    if (count < 0) {
                        return answer.toString().trim();
                    }
                    answer.append(new String(in.array(), 0, count));
                }
            }
        }
    }
}
